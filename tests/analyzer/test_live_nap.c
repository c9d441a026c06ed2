#include "live/live_nap.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "session_image.h"

enum { BASE_NS = 1000, NOBODY_PID = 0x7ffffff0 };

static const uint64_t NS_PER_S = 1000000000;

static char path[IMAGE_NAME_BYTES];
static struct live_dir dir;
static struct live_recorder *recorder;
static int never[2]; /* a pipe that nobody writes into */

static void begin(void)
{
    struct err err;
    session_image_make_dir(path);
    session_image_write_control(path, BASE_NS);
    cr_assert_eq(pipe(never), 0);
    cr_assert_eq(live_dir_open(&dir, path, true, &err), ERR_NONE, "%s", err.message);
    recorder = live_recorder_create(&dir, NULL, false);
}

static void end(void)
{
    live_recorder_destroy(recorder);
    live_dir_close(&dir);
    session_image_remove_dir(path);
}

TestSuite(live_nap, .init = begin, .fini = end);

static void write_session(uint32_t pid)
{
    struct session_image *image = session_image_create(pid, pid, 5000);
    session_image_write(image, path);
    session_image_destroy(image);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* A nap that nothing has ended leaves nothing to look at but the rings. */
Test(live_nap, what_comes_during_a_nap_is_seen_after_it)
{
    live_recorder_pass(recorder);
    live_nap(recorder, never[0]);
    cr_assert(recorder->is_quiet);
    live_nap(recorder, -1);
    cr_assert_not(recorder->is_quiet, "nobody tells of signals");
    write_session(NOBODY_PID);
    live_nap(recorder, never[0]);
    cr_assert_not(recorder->is_quiet);
    live_recorder_pass(recorder);
    cr_assert_eq(recorder->profile->processes.count, 1);
}

Test(live_nap, a_file_system_that_tells_of_no_news_is_looked_at)
{
    live_recorder_pass(recorder);
    live_nap(recorder, never[0]);
    cr_assert(recorder->is_quiet);
    recorder->looked_ns -= NS_PER_S / 10;
    live_nap(recorder, never[0]);
    cr_assert_not(recorder->is_quiet);
    live_recorder_pass(recorder);
    live_nap(recorder, never[0]);
    cr_assert(recorder->is_quiet);
}

Test(live_nap, it_ends_when_a_signal_a_file_or_the_time_has_come)
{
    int woken[2];
    cr_assert_eq(pipe(woken), 0);
    cr_assert_not(live_nap_for(recorder, NS_PER_S / 1000, woken[0]));
    cr_assert_eq(write(woken[1], "x", 1), 1);
    uint64_t from_ns = now_ns();
    cr_assert(live_nap_for(recorder, 60 * NS_PER_S, woken[0]));
    write_session(NOBODY_PID);
    cr_assert(live_nap_for(recorder, 60 * NS_PER_S, never[0]));
    cr_assert_lt(now_ns() - from_ns, 30 * NS_PER_S);
}

Test(live_nap, it_ends_when_a_recorded_process_does)
{
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    write_session((uint32_t)child);
    live_recorder_pass(recorder);
    cr_assert_eq(recorder->sessions.count, 1);
    cr_assert_not(live_nap_for(recorder, NS_PER_S / 1000, never[0]));
    kill(child, SIGKILL);
    uint64_t from_ns = now_ns();
    cr_assert(live_nap_for(recorder, 60 * NS_PER_S, never[0]));
    cr_assert_lt(now_ns() - from_ns, 30 * NS_PER_S);
    waitpid(child, NULL, 0);
}
