/*
 * alloctrap - the subcommand table, error printing and exit status. Nothing else.
 */
#include "base/err.h"
#include "command/command.h"
#include "live/live_build.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    command_run *run;
    const char *line;
};

static const struct command commands[] = {
#define COMMAND_ROW(name, function, line) {name, function, line},
    COMMAND_TABLE(COMMAND_ROW)
#undef COMMAND_ROW
        {NULL, NULL, NULL},
};

static void print_usage(FILE *out)
{
    fputs("usage: alloctrap COMMAND [OPTION...] [ARGUMENT...]\n\n"
          "An allocation profiler for existing Linux programs.\n\n",
          out);
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (c->line[0] != '\0') {
            fprintf(out, "  %-9s %s\n", c->name, c->line);
        }
    }
    fputs("\n`alloctrap COMMAND --help` explains one command; `alloctrap --version` says which one "
          "this is.\n",
          out);
}

static int print_error(const struct err *err)
{
    char text[2048];
    err_format(err, text, sizeof text);
    fprintf(stderr, "alloctrap: %s\n", text);
    return err_exit_status(err->code);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return err_exit_status(ERR_USAGE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("alloctrap " LIVE_BUILD_VERSION);
        return 0;
    }
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (strcmp(argv[1], c->name) == 0) {
            struct err err = {.offset = ERR_PLACE_NONE};
            int status = 0;
            if (c->run(argc - 1, argv + 1, &status, &err) != ERR_NONE) {
                return print_error(&err);
            }
            return status;
        }
    }
    struct err err;
    (void)err_set(&err, ERR_USAGE, NULL, "no command '%s'; `alloctrap --help` lists them", argv[1]);
    return print_error(&err);
}
