/*
 * traps - runs one allocation trap, or its fix, and prints the result that both must have.
 */
#include "trap.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, TRAP_N_MAX = 1000000000 };

struct trap {
    const char *name;
    uint64_t default_n;
    const char *shows;
    trap_run *naive;
    trap_run *fixed;
};

static const struct trap traps[] = {
#define TRAP_ROW(stem, name, default_n, shows)                                                     \
    {name, default_n, shows, trap_##stem##_naive, trap_##stem##_fixed},
    TRAP_TABLE(TRAP_ROW)
#undef TRAP_ROW
};
enum { TRAPS = sizeof traps / sizeof traps[0] };

struct options {
    const struct trap *trap;
    trap_run *run;
    uint64_t n;
};

static const char usage_text[] = "usage: traps NAME --naive|--fixed [--n=N]\n"
                                 "       traps --list\n\n"
                                 "Runs an allocation trap or its fix; both print the same line.\n";

static void print_list(void)
{
    for (size_t i = 0; i < TRAPS; i++) {
        printf("%-13s %s\n", traps[i].name, traps[i].shows);
    }
}

static const struct trap *find_trap(const char *name)
{
    for (size_t i = 0; i < TRAPS; i++) {
        if (strcmp(name, traps[i].name) == 0) {
            return &traps[i];
        }
    }
    fprintf(stderr, "traps: no trap '%s'; `traps --list` names them\n", name);
    return NULL;
}

static bool parse_n(const char *text, uint64_t *ret_n)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n == 0 || n > TRAP_N_MAX) {
        fprintf(stderr, "traps: '%s' is not a number from 1 to %d\n", text, TRAP_N_MAX);
        return false;
    }
    *ret_n = n;
    return true;
}

static bool choose_trap(int argc, char **argv, int is_fixed, struct options *options)
{
    if (argc - optind != 1 || is_fixed < 0) {
        fputs(usage_text, stderr);
        return false;
    }
    options->trap = find_trap(argv[optind]);
    if (options->trap == NULL) {
        return false;
    }
    options->run = is_fixed != 0 ? options->trap->fixed : options->trap->naive;
    options->n = options->n != 0 ? options->n : options->trap->default_n;
    return true;
}

/* False when the program is to end with *ret_status. */
static bool parse_options(int argc, char **argv, struct options *ret_options, int *ret_status)
{
    int is_fixed = -1; /* not said */
    const struct option longs[] = {
        {"naive", no_argument, &is_fixed, 0}, {"fixed", no_argument, &is_fixed, 1},
        {"n", required_argument, NULL, 'n'},  {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},     {NULL, 0, NULL, 0}};
    int letter = 0;
    *ret_status = EXIT_USAGE;
    while ((letter = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (letter == 'l') {
            print_list();
            *ret_status = EXIT_SUCCESS;
            return false;
        }
        if (letter == 'h') {
            fputs(usage_text, stdout);
            *ret_status = EXIT_SUCCESS;
            return false;
        }
        if (letter == '?' || (letter == 'n' && !parse_n(optarg, &ret_options->n))) {
            return false;
        }
    }
    return choose_trap(argc, argv, is_fixed, ret_options);
}

int main(int argc, char **argv)
{
    /* Without a buffer of stdio's, every allocation in a profile is the trap's. */
    static char buffer[256];
    setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
    struct options options = {0};
    int status = EXIT_SUCCESS;
    if (!parse_options(argc, argv, &options, &status)) {
        return status;
    }
    uint64_t result = 0;
    if (!options.run(options.n, &result)) {
        fprintf(stderr, "traps: %s: out of memory\n", options.trap->name);
        return EXIT_FAILED;
    }
    printf("%s n=%" PRIu64 " result=%016" PRIx64 "\n", options.trap->name, options.n, result);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILED;
}
