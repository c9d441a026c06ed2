#include "live/live_process.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child;

static void begin(void)
{
    child = fork();
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
}

static void end(void)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

TestSuite(live_process, .init = begin, .fini = end);

Test(live_process, a_descriptor_tells_the_end_of_a_process_before_it_is_reaped)
{
    int fd = live_process_open((uint32_t)child);
    cr_assert_geq(fd, 0);
    cr_assert_not(live_process_is_gone((uint32_t)child, fd));
    cr_assert_not(live_process_is_gone((uint32_t)child, -1));
    kill(child, SIGKILL);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&ended, 1, 10000), 1);
    cr_assert(live_process_is_gone((uint32_t)child, fd));
    waitpid(child, NULL, 0);
    cr_assert(live_process_is_gone((uint32_t)child, -1), "without a descriptor: once reaped");
    cr_assert_eq(live_process_open((uint32_t)child), -1);
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
    cr_assert(live_process_may_map((uint32_t)child, "libcriterion"));
}

Test(live_process, one_that_has_ended_maps_nothing)
{
    kill(child, SIGKILL);
    siginfo_t info;
    cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    cr_assert_not(live_process_may_map((uint32_t)child, "libcriterion"), "a zombie");
    waitpid(child, NULL, 0);
    cr_assert_not(live_process_may_map((uint32_t)child, "libcriterion"), "nobody");
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
