/*
 * loggen - writes an Apache access log of any length, the same one for the same seed.
 * One line is in memory at a time, so 10 million lines cost no more memory than 100.
 */
#include "loggen_line.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_WRITE = 1, EXIT_USAGE = 2, OUT_BUFFER_BYTES = 64 * 1024 };

struct options {
    uint64_t seed;
    uint64_t lines;
    uint64_t malformed_permille;
    const char *out_path; /* NULL = standard output */
};

static const char usage_text[] =
    "usage: loggen [--seed=N] [--lines=N] [--malformed=PERMILLE] [-o FILE]\n\n"
    "Writes an Apache access log (combined format), the same bytes for the same options.\n\n"
    "  --seed=N              which log to make (default 1)\n"
    "  --lines=N             how many lines (default 1000)\n"
    "  --malformed=PERMILLE  how many of 1000 lines are damaged (default 5)\n"
    "  -o FILE               where to write it (default: standard output)\n"
    "  --help                this text\n";

static bool parse_number(const char *text, uint64_t max, uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number > max) {
        fprintf(stderr, "loggen: '%s' is not a number from 0 to %" PRIu64 "\n", text, max);
        return false;
    }
    *ret_number = number;
    return true;
}

/* False when the program is to end with *ret_status. */
static bool parse_options(int argc, char **argv, struct options *ret_options, int *ret_status)
{
    static const struct option longs[] = {{"seed", required_argument, NULL, 's'},
                                          {"lines", required_argument, NULL, 'n'},
                                          {"malformed", required_argument, NULL, 'm'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    bool is_fine = true;
    int letter = 0;
    *ret_status = EXIT_USAGE;
    while (is_fine && (letter = getopt_long(argc, argv, "o:h", longs, NULL)) != -1) {
        if (letter == 's') {
            is_fine = parse_number(optarg, UINT64_MAX, &ret_options->seed);
        } else if (letter == 'n') {
            is_fine = parse_number(optarg, UINT64_MAX, &ret_options->lines);
        } else if (letter == 'm') {
            is_fine = parse_number(optarg, 1000, &ret_options->malformed_permille);
        } else if (letter == 'o') {
            ret_options->out_path = optarg;
        } else if (letter == 'h') {
            fputs(usage_text, stdout);
            *ret_status = EXIT_SUCCESS;
            return false;
        } else {
            is_fine = false;
        }
    }
    if (is_fine && optind < argc) {
        fprintf(stderr, "loggen: '%s' is one argument too many; -o names the file\n", argv[optind]);
        is_fine = false;
    }
    return is_fine;
}

/* A reader that left early (`loggen | head`) is no error worth a message. */
static int write_failed(const char *path)
{
    if (errno != EPIPE) {
        fprintf(stderr, "loggen: cannot write %s: %s\n", path, strerror(errno));
    }
    return EXIT_WRITE;
}

static int write_log(const struct options *options, FILE *out, const char *path)
{
    static struct loggen gen;
    uint64_t bytes = 0;
    loggen_init(&gen, options->seed, (unsigned)options->malformed_permille);
    for (uint64_t i = 0; i < options->lines; i++) {
        size_t length = loggen_next(&gen);
        if (fwrite_unlocked(gen.line, 1, length, out) != length) {
            return write_failed(path);
        }
        bytes += length;
    }
    if (fflush(out) != 0) {
        return write_failed(path);
    }
    fprintf(stderr, "loggen: %" PRIu64 " lines, %" PRIu64 " of them malformed, %" PRIu64 " bytes\n",
            options->lines, gen.malformed_lines, bytes);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static char buffer[OUT_BUFFER_BYTES];
    struct options options = {.seed = 1, .lines = 1000, .malformed_permille = 5};
    int status = EXIT_SUCCESS;
    if (!parse_options(argc, argv, &options, &status)) {
        return status;
    }
    const char *path = options.out_path != NULL ? options.out_path : "standard output";
    FILE *out = options.out_path != NULL ? fopen(options.out_path, "w") : stdout;
    if (out == NULL) {
        return write_failed(path);
    }
    setvbuf(out, buffer, _IOFBF, sizeof buffer);
    status = write_log(&options, out, path);
    if (fclose(out) != 0 && status == EXIT_SUCCESS) {
        status = write_failed(path);
    }
    return status;
}
