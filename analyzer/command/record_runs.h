/*
 * record_runs - records shell commands for `alloctrap compare --run` and `alloctrap check --run`,
 * by running this very program's `record`. What the commands print is thrown away (it would bury
 * the report), their errors are shown, their input is empty: all runs see the same. A plain command
 * is run without a shell, whose own allocations nobody asked for.
 */
#ifndef ALLOCTRAP_COMMAND_RECORD_RUNS_H
#define ALLOCTRAP_COMMAND_RECORD_RUNS_H

#include <stdbool.h>

#include "base/err.h"

struct record_runs {
    char *folder; /* where the recordings go */
    bool is_kept; /* the user's folder; else a temporary one, 0700, removed at close */
};

/* keep: a folder to use, made if need be; NULL: a temporary one in TMPDIR or /tmp. */
ERR_CHECKED enum err_code record_runs_open(struct record_runs *runs, const char *keep,
                                           struct err *reterr);

/* Records command into file and waits. option: one more of `record`, or NULL. what: for the line
 * that says so, as in "1 of 2". *ret_status is the command's own, as of waitpid(). */
ERR_CHECKED enum err_code record_runs_run(const char *command, const char *file, const char *option,
                                          const char *what, int *ret_status, struct err *reterr);

/* "ended with status 1", "was ended by signal 11"; NULL when it ended well. free() it. */
char *record_runs_trouble(int status);
void record_runs_close(struct record_runs *runs);

#endif
