#include "live/live_dir.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live/live_clock.h"
#include "session_image.h"

static char dir_path[IMAGE_NAME_BYTES];
static char output[2 * IMAGE_NAME_BYTES];
static char session_dir[2 * IMAGE_NAME_BYTES + 16];
static struct live_dir dir;
static struct err err;
static const struct live_settings settings = {
    .depth_max = 77, .latency_on = true, .on_full = SESSION_FULL_DROP, .stacks_by = 2};

static void begin(void)
{
    session_image_make_dir(dir_path);
    snprintf(output, sizeof output, "%s/run.atrap", dir_path);
    snprintf(session_dir, sizeof session_dir, "%s.session", output);
}

static void end(void)
{
    live_dir_close(&dir);
    session_image_remove_dir(session_dir);
    session_image_remove_dir(dir_path);
}

static void create(void)
{
    cr_assert_eq(live_dir_create(&dir, output, &settings, &err), ERR_NONE, "%s", err.message);
}

static void touch(const char *name)
{
    int fd = openat(dir.fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
}

struct found {
    char names[8][64];
    size_t count;
};

static void find(void *context, const char *name)
{
    struct found *found = context;
    snprintf(found->names[found->count++], sizeof found->names[0], "%s", name);
}

TestSuite(live_dir, .init = begin, .fini = end);

Test(live_dir, it_is_private_and_says_the_settings)
{
    create();
    struct stat status;
    cr_assert_eq(stat(session_dir, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0700);
    cr_assert_eq(fstatat(dir.fd, "control", &status, 0), 0);
    cr_assert_eq(status.st_mode & 07777, 0600);
    cr_assert_eq(status.st_size, 4096);
    cr_assert_eq(dir.path[0], '/', "hosts change their folder");
    const struct session_control *control = dir.control;
    cr_assert_eq(memcmp(control->magic, "ATRAPCTL", 8), 0);
    cr_assert_eq(control->depth_max, 77);
    cr_assert_eq(control->latency_on, 1);
    cr_assert_eq(control->free_stacks_on, 0);
    cr_assert_eq(control->on_full, 1);
    cr_assert_eq(control->stacks_by, 2);
    cr_assert_eq(control->recorder_pid, (uint32_t)getpid());
    cr_assert_eq(control->recorder_state, SESSION_RECORDER_RUNNING);
    cr_assert_gt(control->clock.base_ns, 0);
}

Test(live_dir, one_that_is_there_is_left_alone)
{
    create();
    struct live_dir second;
    cr_assert_eq(live_dir_create(&second, output, &settings, &err), ERR_USAGE);
    cr_assert_not_null(strstr(err.message, "alloctrap recover"));
    cr_assert_not_null(strstr(err.path, "run.atrap.session"));
    cr_assert_eq(faccessat(dir.fd, "control", R_OK, 0), 0);
    live_dir_close(&second);
}

Test(live_dir, places_that_cannot_be_are_refused)
{
    cr_assert_eq(live_dir_create(&dir, "no/such/folder/x", &settings, &err), ERR_MISSING);
    char longer[PATH_MAX];
    snprintf(longer, sizeof longer, "%s/%0*d", dir_path, PATH_MAX - 100, 1);
    cr_assert_neq(live_dir_create(&dir, longer, &settings, &err), ERR_NONE);
    cr_assert_neq(err.message[0], '\0');
}

Test(live_dir, only_session_files_are_told_of_and_new_ones_at_once)
{
    create();
    touch("1.0000000000000001.session");
    touch("notes.txt");
    touch(".session");
    struct found found = {.count = 0};
    live_dir_scan(&dir, true, find, &found);
    cr_assert_eq(found.count, 1);
    cr_assert_str_eq(found.names[0], "1.0000000000000001.session");
    found.count = 0;
    live_dir_scan(&dir, false, find, &found); /* takes in what inotify tells of the first */
    touch("2.0000000000000002.session");
    touch("notes.session.txt");
    found.count = 0;
    live_dir_scan(&dir, false, find, &found);
    cr_assert_eq(found.count, 1, "the first one is known");
    cr_assert_str_eq(found.names[0], "2.0000000000000002.session");
    found.count = 0;
    live_dir_scan(&dir, false, find, &found);
    cr_assert_eq(found.count, 0);
}

Test(live_dir, without_inotify_the_folder_is_read_now_and_then)
{
    create();
    close(dir.notify_fd);
    dir.notify_fd = -1;
    touch("1.0000000000000001.session");
    struct found found = {.count = 0};
    live_dir_scan(&dir, false, find, &found);
    cr_assert_eq(found.count, 1, "never read so far");
    live_dir_scan(&dir, false, find, &found);
    cr_assert_eq(found.count, 1, "just read");
    dir.scanned_ns = 0;
    live_dir_scan(&dir, false, find, &found);
    cr_assert_eq(found.count, 2);
    dir.scan_cost_ns = dir.scanned_ns; /* what takes long is done seldom */
    live_dir_scan(&dir, false, find, &found);
    cr_assert_eq(found.count, 2);
}

Test(live_dir, its_beat_is_now_and_its_state_is_told)
{
    create();
    uint64_t before_ns = live_clock_ns();
    live_dir_beat(&dir, SESSION_RECORDER_CLOSED);
    cr_assert_geq(dir.control->beat_ns, before_ns);
    cr_assert_eq(dir.control->recorder_state, SESSION_RECORDER_CLOSED);
}

Test(live_dir, a_look_at_it_changes_nothing_and_a_recorder_takes_it_over)
{
    create();
    live_dir_beat(&dir, SESSION_RECORDER_NONE);
    struct live_dir other;
    cr_assert_eq(live_dir_open(&other, session_dir, false, &err), ERR_NONE);
    cr_assert_eq(dir.control->recorder_state, SESSION_RECORDER_NONE);
    cr_assert_eq(other.control->depth_max, 77);
    live_dir_close(&other);
    dir.control->recorder_pid = 1;
    cr_assert_eq(live_dir_open(&other, session_dir, true, &err), ERR_NONE);
    cr_assert_eq(dir.control->recorder_state, SESSION_RECORDER_RUNNING);
    cr_assert_eq(dir.control->recorder_pid, (uint32_t)getpid());
    live_dir_close(&other);
}

Test(live_dir, controls_of_others_are_refused_with_a_reason)
{
    struct live_dir other;
    create();
    cr_assert_eq(live_dir_open(&other, dir_path, false, &err), ERR_MISSING, "no control file");
    cr_assert_eq(live_dir_open(&other, "no-such-dir", false, &err), ERR_MISSING);
    dir.control->version = 9;
    cr_assert_eq(live_dir_open(&other, session_dir, false, &err), ERR_FORMAT);
    cr_assert_not_null(strstr(err.message, "version 9"));
    dir.control->version = SESSION_VERSION;
    dir.control->magic[0] = 'X';
    cr_assert_eq(live_dir_open(&other, session_dir, false, &err), ERR_FORMAT);
    dir.control->magic[0] = 'A';
    int fd = openat(dir.fd, "control", O_WRONLY | O_CLOEXEC);
    cr_assert_eq(ftruncate(fd, 191), 0);
    close(fd);
    cr_assert_eq(live_dir_open(&other, session_dir, false, &err), ERR_FORMAT);
    cr_assert_not_null(strstr(err.message, "cut short"));
}

Test(live_dir, removing_it_takes_our_files_and_no_others)
{
    create();
    touch("1.0000000000000001.session");
    touch("notes.txt");
    live_dir_remove(&dir);
    cr_assert_eq(faccessat(dir.fd, "notes.txt", F_OK, 0), 0);
    cr_assert_neq(faccessat(dir.fd, "control", F_OK, 0), 0);
    cr_assert_neq(faccessat(dir.fd, "1.0000000000000001.session", F_OK, 0), 0);
    unlinkat(dir.fd, "notes.txt", 0);
    live_dir_remove(&dir);
    cr_assert_neq(access(session_dir, F_OK), 0);
}
