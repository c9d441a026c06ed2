#include "live/live_snapshot.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/live_recorder.h"
#include "session_image.h"
#include "store/store.h"

enum { BASE_NS = 1000, START_NS = 5000, NOBODY_PID = 0x7ffffff0 };

static char path[IMAGE_NAME_BYTES];      /* NAME.session, as a recorder calls it */
static char recording[IMAGE_NAME_BYTES]; /* NAME */
static struct session_image *image;
static uint32_t node;
static struct profile *profile;
static struct err err;

/* A process that is gone, with one block of 100 bytes, in a session that goes on. */
static void begin(void)
{
    session_image_make_dir(recording);
    snprintf(path, sizeof path, "%.32s.session", recording);
    cr_assert_eq(rename(recording, path), 0);
    session_image_write_control(path, BASE_NS);
    image = session_image_create(NOBODY_PID, 7, START_NS);
    node = session_image_node(image, session_image_node(image, 0, 0x10500), 0x20500);
    session_image_malloc(image, 0, START_NS + 10, 0x1000, 100, node);
    session_image_write(image, path);
}

static void end(void)
{
    profile_destroy(profile);
    session_image_destroy(image);
    session_image_remove_dir(path);
    unlink(recording);
}

TestSuite(live_snapshot, .init = begin, .fini = end);

static void look(void)
{
    profile_destroy(profile);
    profile = NULL;
    cr_assert_eq(live_snapshot(path, &profile, &err), ERR_NONE, "%s", err.message);
}

Test(live_snapshot, before_the_first_checkpoint_it_has_the_counters_alone)
{
    look();
    cr_expect(profile->run.counters_only);
    cr_expect_eq(profile->totals.allocs, 1);
    cr_expect_eq(profile->totals.bytes, 100);
    cr_expect_eq(profile->totals.peak_bytes, 0, "that was not counted");
    cr_expect_eq(profile->calls[CALL_MALLOC].calls, 1);
}

Test(live_snapshot, it_is_a_run_that_goes_on)
{
    look();
    cr_expect(profile->run.is_running);
    cr_expect_not(profile->run.is_complete);
    cr_expect_eq(profile->run.exit_kind, PROFILE_RUNNING);
    cr_expect_eq(profile->run.merged_runs, 1);
    cr_expect_str_eq(profile->run.command, "host\x1f--option", "of its first process");
    cr_expect_gt(profile->run.duration_ns, 0);
    uint64_t before_ns = profile->run.duration_ns;
    look();
    cr_expect_geq(profile->run.duration_ns, before_ns);
}

/* Sealed: the site's sums are made; named: a place without a file has a name too. */
Test(live_snapshot, call_sites_have_their_sums_and_their_paths)
{
    look();
    cr_assert_eq(profile->site_calls.count, 1);
    const struct profile_site *site = &profile->sites.at[profile->site_calls.at[0].site];
    cr_expect_eq(site->allocs, 1);
    cr_expect_eq(site->bytes, 100);
    cr_assert_eq(profile->paths.at[site->path].depth, 2);
    const struct profile_frame *frame = &profile->frames.at[profile->paths.at[site->path].frame];
    cr_expect_eq(frame->offset, 0x20500);
    cr_expect_eq(frame->module, 0, "no module has this address");
}

Test(live_snapshot, counters_are_those_of_now_at_each_look)
{
    look();
    session_image_malloc(image, 0, START_NS + 20, 0x2000, 50, node);
    image->threads[0]->lost[LOSS_RING_FULL] = 3;
    session_image_write(image, path);
    look();
    cr_expect_eq(profile->totals.allocs, 2);
    cr_expect_eq(profile->totals.bytes, 150);
    cr_expect_eq(profile->lost[LOSS_RING_FULL], 3);
}

/* Our own process has the file mapped while it looks, so it may be the host. */
Test(live_snapshot, all_processes_are_there_those_that_run_and_those_that_have_ended)
{
    struct session_image *own = session_image_create((uint32_t)getpid(), 8, START_NS + 100);
    own->head->origin = SESSION_BY_FORK;
    session_image_malloc(own, 0, START_NS + 110, 0x1000, 30, session_image_node(own, 0, 0x10500));
    session_image_write(own, path);
    look();
    cr_assert_eq(profile->processes.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct profile_process *p = &profile->processes.at[i];
        bool is_own = p->pid == own->head->pid;
        cr_expect_eq(p->exit_kind == PROFILE_RUNNING, is_own, "process %u", p->pid);
        cr_expect_eq(p->start_ns, START_NS + (is_own ? 100 : 0) - BASE_NS);
        cr_expect_eq(p->origin, is_own ? SESSION_BY_FORK : SESSION_BY_START);
        cr_expect_eq(p->parent_pid, 1);
        cr_expect(!is_own || p->end_ns > p->start_ns, "it has run until now");
        cr_expect_str_eq(p->command, "host\x1f--option");
    }
    cr_expect_eq(profile->totals.allocs, 2);
    cr_expect_eq(profile->totals.bytes, 130);
    session_image_destroy(own);
}

Test(live_snapshot, a_session_that_is_being_set_up_has_counted_nothing_yet)
{
    image->head->state = SESSION_SETTING_UP;
    session_image_write(image, path);
    look();
    cr_expect_eq(profile->processes.count, 0);
    cr_expect_eq(profile->totals.allocs, 0);
}

/* What a recorder would have stored by now. */
static void make_checkpoint(void)
{
    struct live_dir dir;
    struct store *store = NULL;
    cr_assert_eq(live_dir_open(&dir, path, false, &err), ERR_NONE, "%s", err.message);
    struct live_recorder *recorder = live_recorder_create(&dir, NULL, false);
    recorder->is_read_only = true;
    live_recorder_take_all(recorder);
    live_recorder_settle(recorder);
    recorder->profile->run.command = mem_strings_keep(recorder->profile->strings, "as stored");
    recorder->profile->run.merged_runs = 1;
    cr_assert_eq(store_create(recording, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_save(store, recorder->profile, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_close(store, &err), ERR_NONE);
    live_recorder_destroy(recorder);
    live_dir_close(&dir);
}

Test(live_snapshot, lives_and_peak_are_the_checkpoints_and_counters_are_newer)
{
    make_checkpoint();
    session_image_malloc(image, 0, START_NS + 20, 0x2000, 50, node);
    session_image_write(image, path);
    look();
    cr_expect_not(profile->run.counters_only);
    cr_expect_eq(profile->totals.peak_bytes, 100, "as of the checkpoint");
    cr_expect_eq(profile->totals.live_bytes, 100);
    cr_expect_eq(profile->events_seen, 1, "so much is behind the percentiles");
    cr_expect_eq(profile->totals.allocs, 2, "as of now");
    cr_expect_eq(profile->totals.bytes, 150);
    cr_expect_str_eq(profile->run.command, "as stored");
    cr_expect(profile->run.is_running);
}

Test(live_snapshot, a_process_of_the_checkpoint_is_not_counted_twice)
{
    make_checkpoint();
    struct session_image *later = session_image_create(NOBODY_PID, 8, START_NS + 100);
    session_image_malloc(later, 0, START_NS + 110, 0x1000, 30, session_image_node(later, 0, 0x10));
    session_image_write(later, path); /* its number again, by an exec: a process of its own */
    look();
    cr_expect_eq(profile->processes.count, 2);
    cr_expect_eq(profile->totals.allocs, 2);
    session_image_destroy(later);
}

Test(live_snapshot, a_damaged_checkpoint_is_an_error)
{
    int fd = open(recording, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, "no recording", 12), 12);
    close(fd);
    cr_expect_neq(live_snapshot(path, &profile, &err), ERR_NONE);
    cr_expect_null(profile);
    cr_expect_str_neq(err.message, "");
}

Test(live_snapshot, what_is_no_session_is_an_error)
{
    cr_expect_neq(live_snapshot("no-such-dir", &profile, &err), ERR_NONE);
    cr_expect_neq(live_snapshot("/", &profile, &err), ERR_NONE);
    cr_expect_null(profile);
}

/* All bytes of a file of the session. */
static char *bytes_of(const char *name, size_t *ret_count)
{
    char file[2 * IMAGE_NAME_BYTES];
    char *bytes = calloc(1, image->size_bytes);
    snprintf(file, sizeof file, "%s/%s", path, name);
    FILE *in = fopen(file, "rb");
    cr_assert_not_null(in, "%s", file);
    *ret_count = fread(bytes, 1, image->size_bytes, in);
    fclose(in);
    return bytes;
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *stream = opendir(path);
    while (readdir(stream) != NULL) {
        count++;
    }
    closedir(stream);
    return count;
}

Test(live_snapshot, nothing_is_written)
{
    const char *const names[] = {"control", image->name};
    char *before[2];
    size_t count[2];
    for (size_t i = 0; i < 2; i++) {
        before[i] = bytes_of(names[i], &count[i]);
    }
    size_t files = count_files();
    look();
    for (size_t i = 0; i < 2; i++) {
        size_t count_after = 0;
        char *after = bytes_of(names[i], &count_after);
        cr_expect_eq(count_after, count[i]);
        cr_expect_eq(memcmp(after, before[i], count[i]), 0, "%s", names[i]);
        free(after);
        free(before[i]);
    }
    cr_expect_eq(count_files(), files);
    cr_expect_neq(access(recording, F_OK), 0);
}
