#include "live/live_counts.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "live/live_paths.h"
#include "session_image.h"

static char dir[IMAGE_NAME_BYTES];
static int dir_fd;
static struct session_image *image;
static struct live_session *session;
static struct profile *profile;
static struct live_counts counts;
static uint32_t path;

static void begin(void)
{
    session_image_make_dir(dir);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    image = session_image_create(123, 0xabc, 1000);
    path = session_image_node(image, 0, 0x10500);
    profile = profile_create();
    (void)MEM_PUSH(&profile->processes);
}

static void end(void)
{
    live_session_close(session);
    session_image_destroy(image);
    live_counts_finish(&counts);
    profile_destroy(profile);
    close(dir_fd);
    session_image_remove_dir(dir);
}

static void open_it(void)
{
    struct err err;
    session_image_write(image, dir);
    cr_assert_eq(live_session_open(dir_fd, image->name, true, true, &session, &err),
                 LIVE_SESSION_OPEN);
    live_session_refresh(session);
}

static void fill(void)
{
    struct session_row *row = session_image_row(image, 0, path, CALL_MALLOC, 10, 0, 1000);
    row->failed = 1;
    row->calls = 11;
    row->ns = 500;
    row->ns_max = 90;
    session_image_row(image, 0, path, CALL_FREE, 0, 4, 0);
    image->threads[0]->rest[CALL_MALLOC].allocs = 2;
    image->threads[0]->rest[CALL_MALLOC].calls = 2;
    image->threads[0]->lost[LOSS_NESTED] = 2;
}

static void check_profile(void)
{
    cr_assert_eq(profile->totals.allocs, 12);
    cr_assert_eq(profile->totals.frees, 4);
    cr_assert_eq(profile->totals.bytes, 1000);
    cr_assert_eq(profile->totals.failed, 1);
    cr_assert_eq(profile->calls[CALL_MALLOC].calls, 13);
    cr_assert_eq(profile->calls[CALL_MALLOC].ns_max, 90);
    cr_assert_eq(profile->lost[LOSS_NESTED], 2);
    cr_assert_eq(profile->processes.at[0].totals.allocs, 12);
    cr_assert_eq(profile->sites.count, 2, "the remainder and one site");
    cr_assert_eq(profile->sites.at[0].allocs, 2);
    cr_assert_eq(profile->sites.at[1].allocs, 10);
    cr_assert_eq(profile->sites.at[1].free_calls, 4);
}

TestSuite(live_counts, .init = begin, .fini = end);

Test(live_counts, counters_of_an_open_session_become_the_profiles)
{
    fill();
    open_it();
    live_counts_apply(&counts, profile, &session, 1);
    check_profile();
    live_counts_apply(&counts, profile, &session, 1);
    check_profile();
    cr_assert_eq(profile->processes.at[0].threads, 1);
}

Test(live_counts, counters_of_an_ended_process_stay)
{
    fill();
    open_it();
    live_counts_keep(&counts, profile, session);
    live_session_close(session);
    session = NULL;
    live_counts_apply(&counts, profile, NULL, 0);
    check_profile();
    live_counts_apply(&counts, profile, NULL, 0);
    check_profile();
}

Test(live_counts, ended_and_open_sessions_add_up_by_path)
{
    fill();
    open_it();
    live_counts_keep(&counts, profile, session);
    (void)MEM_PUSH(&profile->processes);
    session->process = 1;
    live_counts_apply(&counts, profile, &session, 1);
    cr_assert_eq(profile->totals.allocs, 24);
    cr_assert_eq(profile->sites.count, 2, "the same path is the same site");
    cr_assert_eq(profile->sites.at[1].bytes, 2000);
    cr_assert_eq(profile->processes.at[0].totals.allocs, 12);
    cr_assert_eq(profile->processes.at[1].totals.allocs, 12);
    cr_assert_eq(profile->lost[LOSS_NESTED], 4);
}

Test(live_counts, what_events_told_is_replaced_not_added_to)
{
    fill();
    open_it();
    profile->totals.allocs = 5000;
    profile->calls[CALL_FREE].frees = 77;
    uint32_t site = profile_site(profile, live_path(session, profile, path));
    profile_site_call(profile, site, CALL_MALLOC)->counts.allocs = 3;
    live_counts_apply(&counts, profile, &session, 1);
    check_profile();
    cr_assert_eq(profile->calls[CALL_FREE].frees, 4);
}

Test(live_counts, rows_of_unknown_functions_are_left_out)
{
    session_image_row(image, 0, path, CALL_COUNT, 1, 0, 1);
    session_image_row(image, 0, path, 255, 1, 0, 1);
    open_it();
    live_counts_apply(&counts, profile, &session, 1);
    cr_assert_eq(profile->totals.allocs, 0);
    cr_assert_eq(live_counts_balance(session).counted, 0);
}

Test(live_counts, events_seen_and_lost_must_be_those_that_were_counted)
{
    fill();
    image->threads[0]->lost[LOSS_RING_FULL] = 5;
    image->threads[0]->lost[LOSS_PATHS_FULL] = 100; /* calls whose events are in the ring */
    open_it();
    session->events_seen = 10;
    struct live_balance balance = live_counts_balance(session);
    cr_assert_eq(balance.counted, 12 + 4 + 1);
    cr_assert_eq(balance.lost, 2 + 5);
    cr_assert_eq(balance.in_flight_max, 2);
    cr_assert(live_counts_agree(&balance));
    balance.seen = 8;
    cr_assert(live_counts_agree(&balance), "two events of one call may be under way");
    balance.seen = 7;
    cr_assert_not(live_counts_agree(&balance));
    balance.seen = 13;
    cr_assert_not(live_counts_agree(&balance), "and events that nobody counted are wrong, too");
}
