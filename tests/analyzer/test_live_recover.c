#include "live/live_recover.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "session_image.h"
#include "store/store.h"

enum { NOBODY_PID = 0x7ffffff0 };

static char path[IMAGE_NAME_BYTES];
static char output[2 * IMAGE_NAME_BYTES];
static struct err err;

static void begin(void)
{
    cr_redirect_stderr();
    session_image_make_dir(path);
    session_image_write_control(path, 1000);
    snprintf(output, sizeof output, "%s.atrap", path);
}

static void end(void)
{
    session_image_remove_dir(path);
    unlink(output);
}

static void write_session(void)
{
    struct session_image *image = session_image_create(NOBODY_PID, 7, 5000);
    uint32_t node = session_image_node(image, 0, 0x10500);
    session_image_row(image, 0, node, CALL_MALLOC, 1000, 0, 64000);
    session_image_row(image, 0, node, CALL_FREE, 0, 900, 0);
    session_image_event(image, 0, 6000, 0x1000, 64, CALL_MALLOC, 0, node);
    session_image_write(image, path);
    session_image_destroy(image);
}

TestSuite(live_recover, .init = begin, .fini = end);

Test(live_recover, the_counters_are_exact_and_the_recording_says_what_it_is)
{
    struct profile *profile = NULL;
    write_session();
    cr_assert_eq(live_recover(path, output, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_load(output, &profile, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(profile->totals.allocs, 1000);
    cr_assert_eq(profile->totals.frees, 900);
    cr_assert_eq(profile->totals.bytes, 64000);
    cr_assert_eq(profile->events_seen, 1);
    cr_assert(profile->run.counters_only);
    cr_assert_not(profile->run.is_complete);
    cr_assert_eq(profile->run.exit_kind, PROFILE_LOST);
    cr_assert_str_eq(profile->run.command, "host\x1f--option");
    cr_assert_eq(profile->processes.at[0].exit_kind, PROFILE_LOST);
    profile_destroy(profile);
}

Test(live_recover, the_start_is_the_wall_clocks_of_the_first_session)
{
    struct profile *profile = NULL;
    write_session();
    cr_assert_eq(live_recover(path, output, &err), ERR_NONE);
    cr_assert_eq(store_load(output, &profile, &err), ERR_NONE);
    cr_assert_eq(profile->run.start_realtime_ns, 1700000000000000000 + 1000);
    profile_destroy(profile);
}

Test(live_recover, the_session_stays_and_can_be_recovered_again)
{
    write_session();
    cr_assert_eq(live_recover(path, output, &err), ERR_NONE);
    cr_assert_eq(live_recover(path, output, &err), ERR_NONE, "%s", err.message);
}

Test(live_recover, a_folder_without_a_usable_session_says_why_and_makes_nothing)
{
    cr_assert_eq(live_recover(path, output, &err), ERR_MISSING);
    cr_assert_not_null(strstr(err.message, "nothing to recover"));
    struct session_image *image = session_image_create(NOBODY_PID, 7, 5000);
    image->head->version = 99;
    session_image_write(image, path);
    session_image_destroy(image);
    cr_assert_eq(live_recover(path, output, &err), ERR_FORMAT);
    cr_assert_not_null(strstr(err.message, "99"));
    cr_assert_neq(access(output, F_OK), 0);
}
