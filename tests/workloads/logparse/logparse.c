/*
 * logparse - any line log in, one JSON line out for each; with a naive string builder or with a
 * pooled one, the same bytes. The program that shows what alloctrap is for; see README.md.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, OUT_BUFFER_BYTES = 64 * 1024 };

struct options {
    const struct builder_kind *kind;
    bool is_json;
    bool is_checked;
    const char *path; /* "-" = standard input */
};

static const char usage_text[] =
    "usage: logparse --builder=concat|pooled [--stats=text|json] [--check] [FILE|-]\n\n"
    "Reads a line log and writes one line of JSON for each of its lines.\n\n"
    "  --builder=concat  a new string for every piece, as `s += piece` makes it\n"
    "  --builder=pooled  buffers that are used again\n"
    "  --stats=FORMAT    how to print what it took on standard error (default text)\n"
    "  --check           build each line with both builders; fail where they differ\n"
    "  --help            this text\n";

static bool parse_builder(const char *name, struct options *ret_options)
{
    if (strcmp(name, builder_concat.name) == 0) {
        ret_options->kind = &builder_concat;
    } else if (strcmp(name, builder_pooled.name) == 0) {
        ret_options->kind = &builder_pooled;
    } else {
        fprintf(stderr, "logparse: no builder '%s'; there are concat and pooled\n", name);
        return false;
    }
    return true;
}

static bool parse_stats(const char *name, struct options *ret_options)
{
    ret_options->is_json = strcmp(name, "json") == 0;
    if (!ret_options->is_json && strcmp(name, "text") != 0) {
        fprintf(stderr, "logparse: no statistics in '%s'; there are text and json\n", name);
        return false;
    }
    return true;
}

static bool parse_path(int argc, char **argv, struct options *ret_options)
{
    if (ret_options->kind == NULL) {
        fputs("logparse: say which builder: --builder=concat or --builder=pooled\n", stderr);
        return false;
    }
    if (argc - optind > 1) {
        fprintf(stderr, "logparse: one log at a time; '%s' is one too many\n", argv[optind + 1]);
        return false;
    }
    ret_options->path = optind < argc ? argv[optind] : "-";
    return true;
}

/* False when the program is to end with *ret_status. */
static bool parse_options(int argc, char **argv, struct options *ret_options, int *ret_status)
{
    static const struct option longs[] = {{"builder", required_argument, NULL, 'b'},
                                          {"stats", required_argument, NULL, 's'},
                                          {"check", no_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    bool is_fine = true;
    int letter = 0;
    *ret_status = EXIT_USAGE;
    while (is_fine && (letter = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (letter == 'b') {
            is_fine = parse_builder(optarg, ret_options);
        } else if (letter == 's') {
            is_fine = parse_stats(optarg, ret_options);
        } else if (letter == 'c') {
            ret_options->is_checked = true;
        } else if (letter == 'h') {
            fputs(usage_text, stdout);
            *ret_status = EXIT_SUCCESS;
            return false;
        } else {
            is_fine = false;
        }
    }
    return is_fine && parse_path(argc, argv, ret_options);
}

static const struct builder_kind *other_kind(const struct builder_kind *kind)
{
    return kind == &builder_concat ? &builder_pooled : &builder_concat;
}

static void print_stats(const struct options *options, const struct run_stats *stats)
{
    if (options->is_json) {
        run_stats_print_json(stats, stderr);
    } else {
        run_stats_print_text(stats, stderr);
    }
}

int main(int argc, char **argv)
{
    static char buffer[OUT_BUFFER_BYTES];
    static struct run_stats stats;
    struct options options = {0};
    int status = EXIT_SUCCESS;
    if (!parse_options(argc, argv, &options, &status)) {
        return status;
    }
    bool is_stdin = strcmp(options.path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(options.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "logparse: cannot open %s: %s\n", options.path, strerror(errno));
        return EXIT_FAILED;
    }
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    struct run_config config = {.kind = options.kind,
                                .check_kind = options.is_checked ? other_kind(options.kind) : NULL,
                                .in_fd = fd,
                                .in_name = is_stdin ? "standard input" : options.path,
                                .out = stdout};
    bool is_fine = run_log(&config, &stats);
    if (!is_stdin) {
        close(fd);
    }
    if (!is_fine) {
        return EXIT_FAILED;
    }
    print_stats(&options, &stats);
    return EXIT_SUCCESS;
}
