/*
 * run_target - runs a target under the built library, with a session directory but no recorder, and
 * compares the counters of all sessions with what the target published.
 *
 * run_target LIBRARY [--silent] [--no-follow] [--units=N] [--sessions=N] [--depth=N] -- TARGET
 * [ARG...]
 *   --silent     nothing at all may have been counted, in any module
 *   --no-follow  children are not recorded; the last line published is all that counts
 *   --no-free-stacks, --no-latency   those settings off
 */
#include "session_sums.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct wanted {
    const char *library;
    char **command;
    bool is_silent;
    bool is_no_follow;
    bool are_frees_plain;
    bool is_latency_off;
    uint64_t units;
    uint64_t sessions;
};

static void fail(const char *what)
{
    fprintf(stderr, "run_target: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void run(const char *dir, const struct wanted *wanted, int out)
{
    setenv(SESSION_ENV, dir, 1);
    setenv("LD_PRELOAD", wanted->library, 1);
    dup2(out, STDOUT_FILENO);
    close(out);
    execv(wanted->command[0], wanted->command);
    _exit(126);
}

/* What the target and its children told; the last line alone when children do not count. */
static struct counts published(const char *dir, const struct wanted *wanted)
{
    int ends[2];
    if (pipe(ends) != 0) {
        fail("pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run(dir, wanted, ends[1]);
    }
    close(ends[1]);
    FILE *lines = fdopen(ends[0], "r");
    struct counts sum = {0};
    struct counts line;
    bool is_first = true;
    while (lines != NULL &&
           fscanf(lines, "allocs=%" SCNu64 " frees=%" SCNu64 " bytes=%" SCNu64 "\n", &line.allocs,
                  &line.frees, &line.bytes) == 3) {
        if (wanted->is_no_follow) {
            sum = (struct counts){0};
        }
        sum = (struct counts){sum.allocs + line.allocs, sum.frees + line.frees,
                              sum.bytes + line.bytes};
        is_first = false;
    }
    if (is_first && !wanted->is_silent) {
        fail("the target published nothing");
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        fprintf(stderr, "run_target: the target ended with %d\n", WEXITSTATUS(status));
        exit(1);
    }
    return sum;
}

static bool parse(int argc, char **argv, struct wanted *ret)
{
    int i = 2;
    *ret = (struct wanted){.library = argv[1], .sessions = 1};
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        ret->is_silent = ret->is_silent || strcmp(argv[i], "--silent") == 0;
        ret->is_no_follow = ret->is_no_follow || strcmp(argv[i], "--no-follow") == 0;
        ret->are_frees_plain = ret->are_frees_plain || strcmp(argv[i], "--no-free-stacks") == 0;
        ret->is_latency_off = ret->is_latency_off || strcmp(argv[i], "--no-latency") == 0;
        (void)sscanf(argv[i], "--units=%" SCNu64, &ret->units);
        (void)sscanf(argv[i], "--sessions=%" SCNu64, &ret->sessions);
    }
    ret->command = argv + i + 1;
    return i + 1 < argc;
}

static bool is_same(const char *what, uint64_t seen, uint64_t wanted)
{
    printf("%-14s %12" PRIu64 " wanted %12" PRIu64 "%s\n", what, seen, wanted,
           seen == wanted ? "" : "  DIFFERENT");
    return seen == wanted;
}

int main(int argc, char **argv)
{
    struct wanted wanted;
    if (argc < 4 || !parse(argc, argv, &wanted)) {
        fprintf(stderr, "usage: run_target LIBRARY [OPTION...] -- TARGET [ARG...]\n");
        return 2;
    }
    char dir[] = "run_target.XXXXXX";
    if (mkdtemp(dir) == NULL) {
        fail("mkdtemp");
    }
    const struct session_control settings = {
        .latency_on = !wanted.is_latency_off,
        .causes_on = 1,
        .free_stacks_on = !wanted.are_frees_plain,
        .follow_on = !wanted.is_no_follow,
    };
    session_make(dir, &settings);
    struct counts counts = published(dir, &wanted);
    struct session_sums seen = session_sum_dir(dir);
    bool is_fine = is_same("sessions", seen.sessions, wanted.sessions);
    is_fine = is_same("bad heads", seen.bad_heads, 0) && is_fine;
    is_fine = is_same("units", seen.units, wanted.units) && is_fine;
    is_fine = is_same("rings + lost", seen.ring_events + seen.lost, seen.all_events) && is_fine;
    is_fine =
        is_same("timed", seen.ns != 0, !wanted.is_latency_off && seen.all_calls != 0) && is_fine;
    if (wanted.is_silent) {
        return is_same("calls", seen.all_calls, 0) && is_fine ? 0 : 1;
    }
    /* Without stacks a free's caller is unknown: those of libraries are counted as well. */
    is_fine = (wanted.are_frees_plain ? seen.target.frees >= counts.frees
                                      : is_same("frees", seen.target.frees, counts.frees)) &&
              is_fine;
    is_fine = is_same("allocs", seen.target.allocs, counts.allocs) && is_fine;
    is_fine = is_same("bytes", seen.target.bytes, counts.bytes) && is_fine;
    return is_fine ? 0 : 1;
}
