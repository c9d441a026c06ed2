/*
 * load - the benchmark's load program: does a known number of allocations in a known shape and
 * times them itself, so that neither the start of the process nor that of a tool is in the figures.
 *
 *   load [--mode=paths|cross|realloc|empty] [--pairs=N] [--threads=N] [--depth=N] [--sites=N]
 *        [--branch=even|every] [--live=N] [--warm-up=PAIRS] [--result=FILE]
 *
 * Modes:  paths    malloc + free at the end of a call path drawn at random
 *         cross    one thread allocates, another frees; handed over in batches of 1,024,
 *                  in turn, so that the C library's own lock is not what is measured
 *         realloc  blocks grown by 16 bytes to 1 KiB; a pair is one realloc
 *         empty    the loop alone, no allocation
 * Output: one line that is the same for each run, under any tool. The times go to --result, as
 * JSON: wall and thread CPU time per pair, net of the same loop without allocations (run first, on
 * the same threads). Wall time counts every core that the threads can use.
 */
#include "floor_timing.h"
#include "load_run.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static const char usage[] =
    "usage: load [--mode=paths|cross|realloc|empty] [--pairs=N] [--threads=N] [--depth=N]\n"
    "            [--sites=N] [--branch=even|every] [--live=N] [--warm-up=PAIRS]\n"
    "            [--result=FILE]\n";

static const char *const mode_names[] = {
    [LOAD_PATHS] = "paths",
    [LOAD_CROSS] = "cross",
    [LOAD_REALLOC] = "realloc",
    [LOAD_EMPTY] = "empty",
};

_Noreturn static void fail_usage(const char *what, const char *value)
{
    fprintf(stderr, "load: %s: '%s'\n%s", what, value, usage);
    exit(EXIT_USAGE);
}

static uint64_t number_of(const char *text, uint64_t least, uint64_t most)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number < least || number > most) {
        fail_usage("not a number in range", text);
    }
    return number;
}

static enum load_mode mode_of(const char *name)
{
    for (unsigned i = 0; i < sizeof mode_names / sizeof *mode_names; i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            return (enum load_mode)i;
        }
    }
    fail_usage("no such mode", name);
}

static enum load_branch branch_of(const char *name)
{
    if (strcmp(name, "even") != 0 && strcmp(name, "every") != 0) {
        fail_usage("no such branch", name);
    }
    return strcmp(name, "even") == 0 ? LOAD_BRANCH_EVEN : LOAD_BRANCH_EVERY;
}

static void parse(int argc, char **argv, struct load *load, const char **ret_result)
{
    static const struct option options[] = {
        {"mode", required_argument, NULL, 'm'},    {"pairs", required_argument, NULL, 'p'},
        {"threads", required_argument, NULL, 't'}, {"depth", required_argument, NULL, 'd'},
        {"sites", required_argument, NULL, 's'},   {"branch", required_argument, NULL, 'b'},
        {"live", required_argument, NULL, 'l'},    {"warm-up", required_argument, NULL, 'w'},
        {"result", required_argument, NULL, 'r'},  {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'm':
            load->mode = mode_of(optarg);
            break;
        case 'p':
            load->pairs = number_of(optarg, 1, UINT64_C(1) << 40);
            break;
        case 't':
            load->threads = (unsigned)number_of(optarg, 1, LOAD_THREADS_MAX);
            break;
        case 'd':
            load->depth = (unsigned)number_of(optarg, LOAD_DEPTH_MIN, LOAD_DEPTH_MAX);
            break;
        case 's':
            load->sites = number_of(optarg, 1, UINT64_C(1) << 30);
            break;
        case 'b':
            load->branch = branch_of(optarg);
            break;
        case 'l':
            load->live = number_of(optarg, 0, UINT64_C(1) << 30);
            break;
        case 'w':
            load->warm_up = number_of(optarg, 0, UINT64_C(1) << 40);
            break;
        case 'r':
            *ret_result = optarg;
            break;
        default:
            fputs(usage, stderr);
            exit(EXIT_USAGE);
        }
    }
    if (optind < argc) {
        fail_usage("not an option", argv[optind]);
    }
}

static void check(const struct load *load)
{
    if (!load_tree_fits(load->sites, load->depth - LOAD_DEPTH_MIN)) {
        fail_usage("so many --sites need a larger --depth than", "given");
    }
    if (load->mode == LOAD_CROSS && load->threads % 2 != 0) {
        fail_usage("cross needs an even number of --threads", "given");
    }
}

static uint64_t timed_calls(void)
{
    return floor_timing_calls ? floor_timing_calls() : 0;
}

static uint64_t timed_ticks(void)
{
    return floor_timing_ticks ? floor_timing_ticks() : 0;
}

/* Written by write(2): stdio would allocate a buffer, and the tool would count it. */
static void write_all(int file, const char *text, size_t size)
{
    if (file < 0 || write(file, text, size) != (ssize_t)size) {
        perror("load: cannot write the result");
        exit(EXIT_FAILURE);
    }
}

static void write_result(const char *path, const struct load_result *result)
{
    char text[512];
    int size = snprintf(text, sizeof text,
                        "{\"pairs\": %" PRIu64 ", \"ns_per_pair\": %.3f, \"cpu_ns_per_pair\": %.3f,"
                        " \"loop_ns_per_pair\": %.3f, \"timed_calls\": %" PRIu64
                        ", \"timed_ticks\": %" PRIu64 "}\n",
                        result->pairs, result->ns_per_pair, result->cpu_ns_per_pair,
                        result->loop_ns_per_pair, timed_calls(), timed_ticks());
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    write_all(file, text, (size_t)size);
    close(file);
}

int main(int argc, char **argv)
{
    struct load load = {.mode = LOAD_PATHS,
                        .branch = LOAD_BRANCH_EVEN,
                        .pairs = 1000000,
                        .threads = 1,
                        .depth = LOAD_DEPTH_MIN,
                        .sites = 1};
    const char *result_path = NULL;
    parse(argc, argv, &load, &result_path);
    check(&load);

    struct load_result result;
    load_run(&load, &result);
    char line[256];
    int size = snprintf(line, sizeof line,
                        "%s threads=%u depth=%u sites=%" PRIu64 " live=%" PRIu64 " pairs=%" PRIu64
                        " checksum=%016" PRIx64 "\n",
                        mode_names[load.mode], load.threads, load.depth, load.sites, load.live,
                        result.pairs, result.checksum);
    write_all(STDOUT_FILENO, line, (size_t)size);
    if (result_path) {
        write_result(result_path, &result);
    }
    return EXIT_SUCCESS;
}
