#include "link_session.h"
#include "memory_session.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "test_link.XXXXXX";

static void make_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

static void write_control(uint32_t version, size_t bytes)
{
    static union {
        struct session_control control;
        char page[4096];
    } image;
    memcpy(image.control.magic, SESSION_CONTROL_MAGIC, 8);
    image.control.version = version;
    image.control.depth_max = 10;
    char path[64];
    snprintf(path, sizeof path, "%s/control", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_eq(write(fd, &image, bytes), (ssize_t)bytes);
    close(fd);
}

static struct session_head *make_session(void)
{
    struct link_error error;
    write_control(SESSION_VERSION, 4096);
    cr_assert(link_join(dir, &error));
    struct session_head *head = link_make(NULL, &error);
    cr_assert_not_null(head);
    return head;
}

TestSuite(link_session, .init = make_dir, .fini = remove_dir);

Test(link_session, a_session_is_made_filled_and_private)
{
    struct session_head *head = make_session();
    cr_assert_eq(head->pid, (uint32_t)getpid());
    cr_assert_eq(head->map_bytes, SESSION_MAP_BYTES);
    cr_assert_eq(head->state, SESSION_SETTING_UP);
    cr_assert_not(link_has_others());
    char path[200];
    struct stat status;
    snprintf(path, sizeof path, "%s/%d.%016llx.session", link_dir(), getpid(),
             (unsigned long long)head->id);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    cr_assert_lt(status.st_blocks * 512, 4 << 20);
    link_drop(head);
}

/* What the file has of the disk. */
static uint64_t blocks_bytes(const struct session_head *head)
{
    char path[200];
    struct stat status;
    snprintf(path, sizeof path, "%s/%d.%016llx.session", link_dir(), getpid(),
             (unsigned long long)head->id);
    cr_assert_eq(stat(path, &status), 0);
    return (uint64_t)status.st_blocks * 512;
}

Test(link_session, a_umask_takes_nothing_away)
{
    struct link_error error;
    write_control(SESSION_VERSION, 4096);
    cr_assert(link_join(dir, &error));
    mode_t before = umask(0777);
    struct session_head *head = link_make(NULL, &error);
    umask(before);
    cr_assert_not_null(head);
    char path[200];
    struct stat status;
    snprintf(path, sizeof path, "%s/%d.%016llx.session", link_dir(), getpid(),
             (unsigned long long)head->id);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    link_drop(head);
}

Test(link_session, reserved_space_is_backed_when_it_is_touched)
{
    struct session_head *head = make_session();
    uint64_t off = link_reserve(head, 8 << 20);
    cr_assert_neq(off, 0);
    cr_assert_lt(blocks_bytes(head), 4 << 20);
    cr_assert(link_touch(head, off + (4 << 20), 1 << 20));
    cr_assert_geq(blocks_bytes(head), 3 << 20);
    memset(link_at(head, off + (4 << 20)), 1, 1 << 20);
    link_drop(head);
}

Test(link_session, space_is_backed_before_it_is_handed_out)
{
    struct session_head *head = make_session();
    uint64_t last = 0;
    for (int i = 0; i < 20; i++) {
        uint64_t off = link_alloc(head, 1000001);
        cr_assert_gt(off, last);
        cr_assert_eq(off % 64, 0);
        cr_assert_geq(blocks_bytes(head), off + 1000001);
        memset(link_at(head, off), 1, 1000001);
        last = off;
    }
    cr_assert_eq(link_alloc(head, SESSION_MAP_BYTES), 0);
    cr_assert_eq(link_alloc(head, UINT64_MAX - 1000), 0);
    link_drop(head);
}

Test(link_session, space_that_cannot_be_backed_is_given_back)
{
    const uint64_t bytes = 64 << 10;
    struct session_head *head = memory_session_create(1 << 20);
    head->backed_bytes = 0;
    uint64_t used = head->used_bytes;
    cr_assert_eq(mprotect((char *)head + bytes, bytes, PROT_NONE), 0);
    cr_assert_eq(link_alloc(head, 2 * bytes), 0);
    cr_assert_eq(head->used_bytes, used);
    cr_assert_eq(mprotect((char *)head + bytes, bytes, PROT_READ | PROT_WRITE), 0);
    cr_assert_eq(link_alloc(head, 2 * bytes), used);
    free(head);
}

Test(link_session, sessions_of_others_are_seen)
{
    struct session_head *head = make_session();
    char path[64];
    snprintf(path, sizeof path, "%s/1.0123456789abcdef.session", dir);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    cr_assert(link_has_others());
    link_drop(head);
}

Test(link_session, damaged_or_missing_controls_are_refused)
{
    struct link_error error = {0};
    cr_assert_not(link_join(dir, &error));
    cr_assert_not_null(error.why);
    write_control(SESSION_VERSION + 1, 4096);
    cr_assert_not(link_join(dir, &error));
    write_control(SESSION_VERSION, 100);
    cr_assert_not(link_join(dir, &error));
}

Test(link_session, a_limit_of_file_sizes_makes_the_session_smaller_or_none)
{
    struct link_error error = {0};
    write_control(SESSION_VERSION, 4096);
    cr_assert(link_join(dir, &error));
    struct rlimit limit = {20 << 20, 20 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    struct session_head *head = link_make(NULL, &error);
    cr_assert_not_null(head);
    cr_assert_eq(head->map_bytes, 16 << 20);
    link_drop(head);
    limit.rlim_cur = 512 << 10;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_assert_null(link_make(NULL, &error));
}

Test(link_session, a_limit_of_memory_makes_the_session_smaller)
{
    struct link_error error = {0};
    write_control(SESSION_VERSION, 4096);
    cr_assert(link_join(dir, &error));
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    cr_assert_eq(fscanf(statm, "%ld", &pages), 1);
    fclose(statm);
    struct rlimit limit = {(rlim_t)pages * 4096 + (100U << 20), RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &limit);
    struct session_head *head = link_make(NULL, &error);
    cr_assert_not_null(head);
    cr_assert_leq(head->map_bytes, limit.rlim_cur / 16);
    cr_assert_geq(head->map_bytes, 4 << 20);
    link_drop(head);
}

Test(link_session, a_control_file_that_another_may_have_planted_is_refused)
{
    struct link_error error = {0};
    char path[64];
    char other[80];
    write_control(SESSION_VERSION, 4096);
    cr_assert(link_join(dir, &error));
    snprintf(path, sizeof path, "%s/control", dir);
    snprintf(other, sizeof other, "%s.other", path);
    cr_assert_eq(chmod(path, 0620), 0);
    cr_assert_not(link_join(dir, &error), "others may write to it");
    cr_assert_eq(chmod(path, 0600), 0);
    cr_assert_eq(link(path, other), 0);
    cr_assert_not(link_join(dir, &error), "it has a second name");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("control.other", path), 0);
    cr_assert_not(link_join(dir, &error), "it is a link");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_not(link_join(dir, &error), "it is a pipe");
}

Test(link_session, a_child_that_parts_writes_to_its_own_copy)
{
    struct session_head *head = make_session();
    link_publish(head);
    head->units = 1;
    pid_t child = fork();
    if (child == 0) {
        link_part(head);
        struct session_head *shared = link_head();
        bool is_apart = shared != head && head->units == 1 && shared->units == 1;
        head->units = 77;     /* what an interrupted hook goes on to write */
        shared->epoch = 1234; /* what is meant for the parent's session */
        is_apart = is_apart && shared->units == 1;
        link_drop(shared);
        _exit(is_apart ? 0 : 1);
    }
    int status = 1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(head->units, 1);
    cr_assert_eq(head->epoch, 1234);
    link_drop(head);
}

Test(link_session, a_directory_that_is_gone_does_not_end_growth)
{
    struct session_head *head = make_session();
    char moved[64];
    snprintf(moved, sizeof moved, "%s.moved", dir);
    cr_assert_eq(rename(dir, moved), 0);
    uint64_t off = link_alloc(head, 10 << 20);
    cr_assert_neq(off, 0);
    memset(link_at(head, off), 1, 10 << 20);
    cr_assert_eq(rename(moved, dir), 0);
    link_drop(head);
}
