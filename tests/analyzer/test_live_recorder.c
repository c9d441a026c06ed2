#include "live/live_recorder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session_image.h"

enum { BASE_NS = 1000, NOBODY_PID = 0x7ffffff0 };

static char path[IMAGE_NAME_BYTES];
static struct live_dir dir;
static struct live_recorder *recorder;
static struct err err;

static void begin(void)
{
    session_image_make_dir(path);
    session_image_write_control(path, BASE_NS);
}

static void end(void)
{
    live_recorder_destroy(recorder);
    live_dir_close(&dir);
    session_image_remove_dir(path);
}

static void open_recorder(bool is_read_only)
{
    cr_assert_eq(live_dir_open(&dir, path, !is_read_only, &err), ERR_NONE, "%s", err.message);
    recorder = live_recorder_create(&dir, NULL, false);
    recorder->is_read_only = is_read_only;
}

/* Two calls stay, one block is freed by another thread. */
static struct session_image *write_session(uint32_t pid, uint64_t start_ns)
{
    struct session_image *image = session_image_create(pid, pid, start_ns);
    uint32_t node = session_image_node(image, 0, 0x10500);
    uint32_t other = session_image_thread(image, pid + 1);
    session_image_malloc(image, 0, start_ns + 10, 0x1000, 100, node);
    session_image_malloc(image, 0, start_ns + 20, 0x2000, 200, node);
    session_image_free(image, other, start_ns + 30, 0x1000, node);
    session_image_write(image, path);
    return image;
}

TestSuite(live_recorder, .init = begin, .fini = end);

Test(live_recorder, a_look_at_dead_sessions_gives_their_profile)
{
    session_image_destroy(write_session(NOBODY_PID, 5000));
    open_recorder(true);
    live_recorder_take_all(recorder);
    live_recorder_settle(recorder);
    const struct profile_totals *totals = &recorder->profile->totals;
    cr_assert_eq(totals->allocs, 2);
    cr_assert_eq(totals->frees, 1);
    cr_assert_eq(totals->bytes, 300);
    cr_assert_eq(totals->peak_bytes, 300);
    cr_assert_eq(totals->live_bytes, 200);
    cr_assert_eq(recorder->profile->events_seen, 3);
    cr_assert_eq(recorder->profile->processes.count, 1);
    cr_assert_eq(recorder->profile->processes.at[0].threads, 2);
    cr_assert_str_eq(recorder->profile->processes.at[0].allocator, "/lib/libc.so.6");
}

Test(live_recorder, processes_are_told_in_the_order_of_their_starts)
{
    session_image_destroy(write_session(NOBODY_PID, 9000));
    session_image_destroy(write_session(NOBODY_PID + 1, 5000));
    session_image_destroy(write_session(NOBODY_PID + 2, 7000));
    open_recorder(true);
    live_recorder_take_all(recorder);
    const struct profile *profile = recorder->profile;
    cr_assert_eq(profile->processes.count, 3);
    cr_assert_eq(profile->processes.at[0].pid, NOBODY_PID + 1);
    cr_assert_eq(profile->processes.at[1].pid, NOBODY_PID + 2);
    cr_assert_eq(profile->processes.at[2].pid, NOBODY_PID);
    live_recorder_settle(recorder);
    cr_assert_eq(profile->totals.allocs, 6);
    cr_assert_eq(profile->totals.live_bytes, 600, "addresses are each process's own");
}

/* Whose process is gone: its events are read, its counters kept, and it is forgotten. */
Test(live_recorder, a_pass_finishes_processes_that_have_ended)
{
    struct session_image *image = write_session(NOBODY_PID, 5000);
    open_recorder(false);
    while (!live_recorder_is_idle(recorder) || recorder->profile->processes.count == 0) {
        live_recorder_pass(recorder);
    }
    cr_assert_eq(recorder->profile->processes.at[0].exit_kind, PROFILE_EXITED);
    cr_assert_eq(recorder->mismatches, 0);
    live_recorder_settle(recorder);
    cr_assert_eq(recorder->profile->totals.allocs, 2);
    cr_assert_eq(recorder->profile->totals.peak_bytes, 300);
    session_image_destroy(image);
}

/* A host whose getpid() is refused is taken for neither ended nor another. */
Test(live_recorder, a_process_without_a_number_is_recorded_until_it_ends)
{
    char file[2 * IMAGE_NAME_BYTES];
    struct session_image *image = write_session(0, 5000);
    snprintf(file, sizeof file, "%s/%s", path, image->name);
    int fd = open(file, O_RDONLY);
    void *at = mmap(NULL, image->size_bytes, PROT_READ, MAP_SHARED, fd, 0);
    cr_assert_neq(at, MAP_FAILED);
    close(fd);
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    munmap(at, image->size_bytes);
    open_recorder(false);
    for (int i = 0; i < 3; i++) {
        live_recorder_pass(recorder);
        cr_assert_eq(recorder->sessions.count, 1);
    }
    cr_assert_not(live_recorder_is_idle(recorder));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (!live_recorder_is_idle(recorder)) {
        live_recorder_pass(recorder);
    }
    live_recorder_settle(recorder);
    cr_assert_eq(recorder->profile->totals.allocs, 2);
    session_image_destroy(image);
}

Test(live_recorder, counters_that_tell_of_more_than_was_seen_and_lost_are_a_mismatch)
{
    struct session_image *image = write_session(NOBODY_PID, 5000);
    session_image_row(image, 0, 1, CALL_CALLOC, 50, 0, 500);
    session_image_write(image, path);
    session_image_destroy(image);
    open_recorder(false);
    while (!live_recorder_is_idle(recorder) || recorder->profile->processes.count == 0) {
        live_recorder_pass(recorder);
    }
    cr_assert_eq(recorder->mismatches, 1);
    live_recorder_settle(recorder);
    cr_assert_eq(recorder->profile->totals.allocs, 52, "the totals are the counters'");
}

Test(live_recorder, events_that_are_read_make_room_in_the_ring)
{
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    struct session_image *image = write_session((uint32_t)child, 5000);
    open_recorder(false);
    while (recorder->profile->processes.count == 0 || recorder->sessions.at[0]->events_seen < 3) {
        live_recorder_pass(recorder);
    }
    const struct live_session *session = recorder->sessions.at[0];
    cr_assert_eq(session->rings[0].place->ring_head, 2);
    cr_assert_eq(session->rings[1].place->ring_head, 1);
    cr_assert_not(live_recorder_is_idle(recorder));
    live_recorder_drop_strangers(recorder);
    live_recorder_pass(recorder);
    cr_assert(live_recorder_is_idle(recorder), "it maps no such file: it is another program");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    session_image_destroy(image);
}

/* On a busy machine the recorder meets images of one pid in any order. */
Test(live_recorder, the_image_that_started_last_goes_on_whatever_was_met_first)
{
    enum { IMAGES = 3 };
    const uint64_t starts_ns[IMAGES] = {7000, 5000, 6000};
    uint32_t pid = (uint32_t)getpid();
    open_recorder(false);
    for (size_t i = 0; i < IMAGES; i++) {
        struct session_image *image = session_image_create(pid, i + 1, starts_ns[i]);
        uint32_t node = session_image_node(image, 0, 0x10500);
        session_image_malloc(image, 0, starts_ns[i] + 10, 0x1000, 100, node);
        session_image_write(image, path);
        session_image_destroy(image);
        while (recorder->profile->processes.count < i + 1) {
            live_recorder_pass(recorder);
        }
    }
    cr_assert_eq(recorder->sessions.count, 1);
    cr_assert_eq(recorder->sessions.at[0]->head->start_ns, starts_ns[0]);
    cr_assert_not(recorder->sessions.at[0]->has_ended);
    cr_assert_eq(recorder->mismatches, 0);
}

Test(live_recorder, a_thread_that_took_a_place_over_has_its_own_number)
{
    struct session_image *image = session_image_create(NOBODY_PID, 1, 5000);
    uint32_t node = session_image_node(image, 0, 0x10500);
    session_image_malloc(image, 0, 5010, 0x1000, 100, node);
    session_image_event(image, 0, 5020, 777, 0, 0, SESSION_EVENT_THREAD, 0);
    session_image_free(image, 0, 5030, 0x1000, node);
    session_image_write(image, path);
    session_image_destroy(image);
    open_recorder(true);
    live_recorder_take_all(recorder);
    live_recorder_settle(recorder);
    cr_assert_eq(recorder->profile->events_seen, 2, "the change of owners is no call");
    cr_assert_eq(recorder->profile->totals.temporaries, 0, "freed by another thread");
}

Test(live_recorder, events_that_cannot_be_are_left_out)
{
    struct session_image *image = write_session(NOBODY_PID, 5000);
    session_image_event(image, 0, 5040, 0x3000, 10, CALL_COUNT, 0, 1);
    session_image_event(image, 0, 5050, 0x4000, 10, 255, 0, 1);
    session_image_event(image, 0, 5060, 0x5000 | UINT64_C(0xffff) << 48, 10, CALL_MALLOC, 0, 1);
    session_image_write(image, path);
    session_image_destroy(image);
    open_recorder(true);
    live_recorder_take_all(recorder);
    live_recorder_settle(recorder);
    cr_assert_eq(recorder->profile->events_seen, 3);
    cr_assert_eq(recorder->profile->totals.live_bytes, 200);
}

Test(live_recorder, files_with_strange_names_are_no_sessions)
{
    static const char *const names[] = {"x.0000000000000001.session",
                                        "1.000000000000001.session",
                                        "1.000000000000000G.session",
                                        "99999999999.0000000000000001.session",
                                        ".session",
                                        "1.session"};
    session_image_destroy(write_session(NOBODY_PID, 5000));
    open_recorder(true);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        close(openat(dir.fd, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    live_recorder_take_all(recorder);
    cr_assert_eq(recorder->profile->processes.count, 1);
    cr_assert_eq(recorder->never_ready, 0);
}

Test(live_recorder, sessions_that_cannot_be_used_are_counted_and_told)
{
    session_image_destroy(write_session(NOBODY_PID, 5000));
    open_recorder(true);
    close(openat(dir.fd, "2147483632.0000000000000009.session", O_WRONLY | O_CREAT | O_CLOEXEC,
                 0600));
    live_recorder_take_all(recorder);
    live_recorder_settle(recorder);
    cr_assert_eq(recorder->never_ready, 1);
    cr_assert_eq(recorder->profile->lost[LOSS_NO_SESSION], 1);
    cr_assert_not_null(strstr(recorder->session_err.message, "cut short"));
    cr_assert_eq(recorder->profile->totals.allocs, 2, "the others count");
}

Test(live_recorder, units_of_all_processes_add_up_unless_they_are_given)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct session_image *image = write_session(NOBODY_PID + i, 5000);
        image->head->units = 21;
        memcpy(image->head->unit_name, "line", 5);
        session_image_write(image, path);
        session_image_destroy(image);
    }
    open_recorder(true);
    live_recorder_take_all(recorder);
    live_recorder_settle(recorder);
    cr_assert_eq(recorder->profile->run.units, 42);
    cr_assert_str_eq(recorder->profile->run.unit_name, "line");
    recorder->units_given = 7;
    recorder->unit_name_given = "page";
    live_recorder_settle(recorder);
    cr_assert_eq(recorder->profile->run.units, 7);
    cr_assert_str_eq(recorder->profile->run.unit_name, "page");
}
