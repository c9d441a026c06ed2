#include "live/live_process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t sleeper;

static void begin(void)
{
    sleeper = fork();
    if (sleeper == 0) {
        for (;;) {
            pause();
        }
    }
}

static void end(void)
{
    kill(sleeper, SIGKILL);
    waitpid(sleeper, NULL, 0);
}

TestSuite(live_process, .init = begin, .fini = end);

Test(live_process, a_descriptor_tells_the_end_of_a_process_before_it_is_reaped)
{
    int fd = live_process_open((uint32_t)sleeper);
    cr_assert_geq(fd, 0);
    cr_assert_not(live_process_is_gone((uint32_t)sleeper, fd));
    cr_assert_not(live_process_is_gone((uint32_t)sleeper, -1));
    kill(sleeper, SIGKILL);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&ended, 1, 10000), 1);
    cr_assert(live_process_is_gone((uint32_t)sleeper, fd));
    waitpid(sleeper, NULL, 0);
    cr_assert(live_process_is_gone((uint32_t)sleeper, -1), "without a descriptor: once reaped");
    cr_assert_eq(live_process_open((uint32_t)sleeper), -1);
    close(fd);
    begin();
}

Test(live_process, no_process_has_the_number_0)
{
    cr_assert(live_process_is_gone(0, -1));
}

Test(live_process, what_a_process_maps_is_known)
{
    cr_assert(live_process_may_map((uint32_t)getpid(), "libcriterion"));
    cr_assert_not(live_process_may_map((uint32_t)getpid(), "no-such-file.session"));
    cr_assert(live_process_may_map((uint32_t)sleeper, "libcriterion"));
}

Test(live_process, one_that_has_ended_maps_nothing)
{
    kill(sleeper, SIGKILL);
    siginfo_t info;
    cr_assert_eq(waitid(P_PID, (id_t)sleeper, &info, WEXITED | WNOWAIT), 0);
    cr_assert_not(live_process_may_map((uint32_t)sleeper, "libcriterion"), "a zombie");
    waitpid(sleeper, NULL, 0);
    cr_assert_not(live_process_may_map((uint32_t)sleeper, "libcriterion"), "nobody");
    begin();
}

Test(live_process, resident_memory_and_faults_grow_with_what_is_touched)
{
    enum { TOUCHED_BYTES = 8 << 20 };
    uint64_t rss_before;
    uint64_t rss_after;
    uint64_t faults_before;
    uint64_t faults_after;
    cr_assert(live_process_sample((uint32_t)getpid(), &rss_before, &faults_before));
    char *pages =
        mmap(NULL, TOUCHED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(pages, MAP_FAILED);
    madvise(pages, TOUCHED_BYTES, MADV_NOHUGEPAGE);
    memset(pages, 1, TOUCHED_BYTES);
    cr_assert(live_process_sample((uint32_t)getpid(), &rss_after, &faults_after));
    cr_assert_geq(rss_after, rss_before + TOUCHED_BYTES / 2);
    cr_assert_geq(faults_after, faults_before + TOUCHED_BYTES / 4096 / 2);
    cr_assert_not(live_process_sample(0x7ffffff0, &rss_after, &faults_after));
    munmap(pages, TOUCHED_BYTES);
}

static int ends[2];

static void *wait_for_end(void *argument)
{
    char end;
    pthread_join(*(pthread_t *)argument, NULL);
    (void)!write(ends[1], "x", 1);
    (void)!read(STDIN_FILENO, &end, 1);
    pause();
    return NULL;
}

/* A child whose first thread has ended and whose second waits. */
static pid_t start_headless(void)
{
    static pthread_t first;
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        pthread_t second;
        first = pthread_self();
        pthread_create(&second, NULL, wait_for_end, &first);
        pthread_exit(NULL);
    }
    char up;
    cr_assert_eq(read(ends[0], &up, 1), 1);
    return child;
}

Test(live_process_apart, the_memory_of_a_process_without_first_thread_is_seen)
{
    pid_t child = start_headless();
    cr_assert(live_process_may_map((uint32_t)child, "libc.so"));
    cr_assert_not(live_process_may_map((uint32_t)child, "no such file"));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_assert_not(live_process_may_map((uint32_t)child, "libc.so"));
}

Test(live_process_apart, some_process_maps_libc_and_none_maps_nothing)
{
    pid_t child = start_headless();
    cr_assert(live_process_any_maps("libc.so"));
    cr_assert_not(live_process_any_maps("no such file"));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

Test(live_process_apart, a_process_that_has_ended_and_is_not_waited_for_maps_nothing)
{
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    siginfo_t info;
    cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    cr_assert_not(live_process_may_map((uint32_t)child, "libc.so"));
    waitpid(child, NULL, 0);
}

Test(live_process_apart, a_number_of_our_namespace_is_taken_as_it_is)
{
    cr_assert_eq(live_process_find(77, 0, "any"), 77);
    cr_assert_eq(live_process_find(77, 1, "any"), 0, "nobody is in a namespace with inode 1");
}

/* As a host writes whose getpid() a filter refuses. */
Test(live_process, one_without_a_number_is_found_by_what_it_maps)
{
    char name[] = "/tmp/maps.XXXXXX";
    int fd = mkstemp(name);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, 4096), 0);
    void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    munmap(at, 4096);
    const uint32_t refused = (uint32_t)-EPERM; /* -1 would be every process to kill() */
    cr_assert(live_process_is_gone(refused, -1));
    cr_assert_eq(live_process_find(0, 0, name), (uint32_t)child);
    cr_assert_eq(live_process_find(refused, 0, name), (uint32_t)child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_assert_eq(live_process_find(0, 0, name), 0);
    close(fd);
    unlink(name);
}

/* A process that is number 1 in a namespace of its own; 0 where that is not allowed. */
static pid_t start_apart(pid_t *ret_first)
{
    int up[2];
    char byte;
    cr_assert_eq(pipe(up), 0);
    pid_t child = fork();
    if (child == 0) {
        close(up[0]);
        pid_t first = unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0 ? fork() : -1;
        if (first == 0) {
            (void)!write(up[1], "x", 1);
            pause();
        }
        close(up[1]);
        waitpid(first, NULL, 0);
        _exit(0);
    }
    close(up[1]);
    bool is_up = read(up[0], &byte, 1) == 1;
    close(up[0]);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", child, child);
    FILE *children = fopen(path, "re");
    is_up = is_up && children != NULL && fscanf(children, "%d", ret_first) == 1;
    if (children != NULL) {
        fclose(children);
    }
    *ret_first = is_up ? *ret_first : 0;
    return child;
}

Test(live_process_apart, a_process_of_another_namespace_is_found_by_what_it_maps)
{
    pid_t first = 0;
    pid_t child = start_apart(&first);
    char path[64];
    struct stat status = {0};
    snprintf(path, sizeof path, "/proc/%d/ns/pid", first);
    if (first != 0) {
        cr_assert_eq(stat(path, &status), 0);
        cr_assert_eq(live_process_find(1, status.st_ino, "libc.so"), (uint32_t)first);
        cr_assert_eq(live_process_find(1, status.st_ino, "no such file"), 0);
        kill(first, SIGKILL);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    if (first == 0) {
        cr_skip_test("no name spaces here");
    }
}

static void *wait_for_ever(void *context)
{
    pause();
    return context;
}

static pid_t start_paused(void)
{
    pid_t child = fork();
    if (child == 0) {
        pause();
    }
    return child;
}

/* As number 1 of a namespace in which nobody else starts anything; 0 or what was wrong. */
static int look_at_numbers(void)
{
    enum { CANNOT = 100 };
    pthread_t thread;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("proc", "/proc", "proc", 0, NULL) != 0) {
        return CANNOT;
    }
    pid_t ended = start_paused();
    if (live_process_any_since((uint32_t)ended)) {
        return 1; /* it is the last one */
    }
    if (!live_process_any_since(1)) {
        return 2; /* it is there */
    }
    kill(ended, SIGKILL);
    waitpid(ended, NULL, 0);
    if (live_process_any_since(1)) {
        return 3; /* it is gone */
    }
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    if (live_process_any_since(1)) {
        return 4; /* a thread of our own is no process */
    }
    (void)start_paused();
    if (!live_process_any_since((uint32_t)ended)) {
        return 5;
    }
    return live_process_any_since(UINT32_MAX) ? 0 : 6; /* numbers have gone around */
}

Test(live_process_apart, a_process_that_was_started_after_another_is_seen)
{
    pid_t child = fork();
    if (child == 0) {
        pid_t first = unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) == 0 ? fork() : -1;
        if (first == 0) {
            _exit(look_at_numbers());
        }
        int status = 0;
        _exit(first > 0 && waitpid(first, &status, 0) == first ? WEXITSTATUS(status) : 100);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    if (WEXITSTATUS(status) == 100) {
        cr_skip_test("no name spaces here");
    }
    cr_assert_eq(WEXITSTATUS(status), 0);
}
