/*
 * run_target - runs a target under the built library, with a session directory but no recorder, and
 * compares the counters of all sessions with what the target published.
 *
 * run_target LIBRARY [--silent] [--no-follow] [--units=N] [--sessions=N] [--depth=N] -- TARGET
 * [ARG...]
 *   --silent     nothing at all may have been counted, in any module
 *   --no-follow  children are not recorded; the last line published is all that counts
 *   --no-free-stacks, --no-latency   those settings off
 * Rows count when their innermost frame is in a file of the targets' folder, or is unknown.
 */
#include "alloctrap/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct counts {
    uint64_t allocs;
    uint64_t frees;
    uint64_t bytes;
};

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

struct seen {
    struct counts target; /* of the target's own code */
    uint64_t all_calls;   /* of everything */
    uint64_t all_events;  /* blocks begun, ended, refused */
    uint64_t ring_events;
    uint64_t lost;
    uint64_t units;
    uint64_t sessions;
    uint64_t ns;
    uint64_t bad_heads;
};

static void fail(const char *what)
{
    fprintf(stderr, "run_target: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void write_control(const char *dir, const struct wanted *wanted)
{
    static union {
        struct session_control control;
        char page[4096];
    } image;
    struct session_control *control = &image.control;
    memcpy(control->magic, SESSION_CONTROL_MAGIC, sizeof control->magic);
    control->version = SESSION_VERSION;
    control->depth_max = SESSION_DEPTH_MAX;
    control->latency_on = !wanted->is_latency_off;
    control->free_stacks_on = !wanted->are_frees_plain;
    control->on_full = SESSION_FULL_DROP;
    control->follow_on = !wanted->is_no_follow;
    char path[512];
    snprintf(path, sizeof path, "%s/" SESSION_CONTROL_NAME, dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || write(fd, &image, sizeof image) != (ssize_t)sizeof image) {
        fail(path);
    }
    close(fd);
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

static const void *at(const struct session_head *head, uint64_t off)
{
    return (const char *)head + off;
}

static uint64_t addr_of_path(const struct session_head *head, uint32_t path)
{
    uint32_t within;
    unsigned chunk = session_chunk_of(path, SESSION_NODE_CHUNK_FIRST, &within);
    const struct session_node *nodes = at(head, head->node_chunk_off[chunk]);
    return nodes[within].addr;
}

static uint32_t epoch_of_path(const struct session_head *head, uint32_t path)
{
    uint32_t within;
    unsigned chunk = session_chunk_of(path, SESSION_NODE_CHUNK_FIRST, &within);
    const struct session_node *nodes = at(head, head->node_chunk_off[chunk]);
    return nodes[within].epoch;
}

static bool is_of_target(const struct session_head *head, uint32_t path)
{
    if (path == 0) {
        return true;
    }
    const struct session_module *modules = at(head, head->module_off);
    uint64_t addr = addr_of_path(head, path);
    for (uint32_t i = 0; i < head->module_count; i++) {
        if (addr >= modules[i].start && addr < modules[i].end &&
            modules[i].epoch == epoch_of_path(head, path)) {
            return strstr(modules[i].path, "/tests/targets/") != NULL &&
                   modules[i].build_id_len > 0;
        }
    }
    return false;
}

static void sum_row(struct seen *seen, const struct session_head *head,
                    const struct session_row *row)
{
    seen->all_calls += row->calls;
    seen->all_events += row->allocs + row->frees + row->failed;
    seen->ns += row->ns;
    if (is_of_target(head, row->path)) {
        seen->target.allocs += row->allocs;
        seen->target.frees += row->frees;
        seen->target.bytes += row->bytes;
    }
}

static void sum_ring(struct seen *seen, const struct session_head *head,
                     const struct session_thread *thread)
{
    const struct session_event *events = at(head, thread->ring_off);
    for (uint64_t i = 0; i < thread->ring_tail; i++) {
        bool is_call = (session_event_flags(&events[i]) & SESSION_EVENT_THREAD) == 0;
        seen->ring_events += is_call;
    }
}

static void sum_lost(struct seen *seen, const _Atomic uint64_t *lost)
{
    seen->lost += lost[LOSS_RING_FULL] + lost[LOSS_NO_RING] + lost[LOSS_NO_THREAD] +
                  lost[LOSS_NESTED] + lost[LOSS_EARLY] + lost[LOSS_BESIDE];
}

static void sum_thread(struct seen *seen, const struct session_head *head,
                       const struct session_thread *thread)
{
    for (uint32_t i = 0; i < thread->row_count; i++) {
        uint32_t within;
        unsigned chunk = session_chunk_of(i, SESSION_ROW_CHUNK_FIRST, &within);
        const struct session_row *rows = at(head, thread->row_chunk_off[chunk]);
        sum_row(seen, head, &rows[within]);
    }
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        sum_row(seen, head, &thread->rest[call]);
    }
    sum_ring(seen, head, thread);
    sum_lost(seen, thread->lost);
}

static void sum_session(struct seen *seen, const struct session_head *head)
{
    seen->sessions++;
    seen->bad_heads += memcmp(head->magic, SESSION_MAGIC, sizeof head->magic) != 0 ||
                       head->state != SESSION_READY || head->command_len == 0 ||
                       strstr(head->command, "target_") == NULL ||
                       strstr(head->allocator, "libc.so.6") == NULL;
    seen->units += head->units;
    seen->bad_heads += head->units != 0 && strcmp(head->unit_name, "line") != 0;
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        sum_row(seen, head, &head->early[call]);
    }
    for (uint32_t i = 0; i < head->thread_count; i++) {
        sum_thread(seen, head, at(head, head->thread_off[i]));
    }
    sum_lost(seen, head->lost);
}

static void sum_file(struct seen *seen, const char *path)
{
    int fd = open(path, O_RDONLY);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0 || (status.st_mode & 0777) != 0600) {
        fail(path);
    }
    void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        fail(path);
    }
    sum_session(seen, map);
    munmap(map, (size_t)status.st_size);
}

/* Sums up all session files, and removes them and the directory. */
static struct seen sum_dir(const char *dir)
{
    struct seen seen = {0};
    DIR *entries = opendir(dir);
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (strstr(entry->d_name, SESSION_SUFFIX) != NULL) {
            sum_file(&seen, path);
        }
        if (entry->d_name[0] != '.') {
            unlink(path);
        }
    }
    closedir(entries);
    rmdir(dir);
    return seen;
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
    write_control(dir, &wanted);
    struct counts counts = published(dir, &wanted);
    struct seen seen = sum_dir(dir);
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
