/*
 * check_out - where `alloctrap check` writes its reports: kinds and files as the user asked for,
 * what GitHub Actions wants where it runs there, and a few texts about the command itself.
 */
#ifndef ALLOCTRAP_COMMAND_CHECK_OUT_H
#define ALLOCTRAP_COMMAND_CHECK_OUT_H

#include "base/err.h"
#include "view/check.h"

struct check_out {
    check_print *print;
    const char *file; /* NULL = standard output */
};

/* "KIND" or "KIND=FILE"; text is borrowed. */
ERR_CHECKED enum err_code check_out_parse(const char *text, struct check_out *ret,
                                          struct err *reterr);

/* All that was asked for; text on standard output when nothing else goes there; and in GitHub
 * Actions annotations there and a summary of the step. */
ERR_CHECKED enum err_code check_out_print(const struct check_view *view,
                                          const struct check_out *outs, size_t count,
                                          struct err *reterr);

/* Arguments as one line of shell; free() it. */
char *check_out_command(char *const *arguments);

/* The command that accepts what is now, to be typed in a shell; free() it. */
char *check_out_again(int argc, char **argv);

/* "3 runs of `CMD`", "a.atrap and 2 more"; free() it. */
char *check_out_what(const char *command, char *const *files, size_t count);

/* What source files are told relative to: GitHub's or GitLab's workspace, else here; free() it. */
char *check_out_workspace(void);

#endif
