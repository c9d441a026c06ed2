#include "live/live_attach.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
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

TestSuite(live_attach, .init = begin, .fini = end);

Test(live_attach, it_records_until_all_have_ended_and_removes_the_session)
{
    struct profile *profile = NULL;
    struct session_image *image = session_image_create(NOBODY_PID, 7, 5000);
    uint32_t node = session_image_node(image, 0, 0x10500);
    session_image_malloc(image, 0, 6000, 0x1000, 64, node);
    session_image_malloc(image, 0, 7000, 0x2000, 100, node);
    session_image_free(image, 0, 8000, 0x2000, node);
    session_image_write(image, path);
    session_image_destroy(image);
    cr_assert_eq(live_attach(path, NOBODY_PID, output, &err), ERR_NONE, "%s", err.message);
    cr_assert_neq(access(path, F_OK), 0);
    cr_assert_eq(store_load(output, &profile, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(profile->totals.allocs, 2);
    cr_assert_eq(profile->totals.peak_bytes, 164);
    cr_assert_eq(profile->totals.temporaries, 1);
    cr_assert(profile->run.is_complete);
    cr_assert_not(profile->run.counters_only);
    cr_assert_eq(profile->run.exit_kind, PROFILE_EXITED);
    profile_destroy(profile);
}

Test(live_attach, a_process_that_never_made_a_session_leaves_an_empty_recording)
{
    struct profile *profile = NULL;
    cr_assert_eq(live_attach(path, NOBODY_PID, output, &err), ERR_NONE);
    cr_assert_eq(store_load(output, &profile, &err), ERR_NONE);
    cr_assert_eq(profile->processes.count, 0);
    cr_assert_eq(profile->totals.allocs, 0);
    profile_destroy(profile);
}

Test(live_attach, a_recording_that_cannot_be_written_is_an_error_and_the_session_stays)
{
    cr_assert_neq(live_attach(path, NOBODY_PID, "no/such/folder/x", &err), ERR_NONE);
    cr_assert_eq(access(path, F_OK), 0, "for recover");
    cr_assert_neq(live_attach("no-such-dir", NOBODY_PID, output, &err), ERR_NONE);
}
