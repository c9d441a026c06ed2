/*
 * record_pair - records two shell commands for `alloctrap compare --run`, by running this very
 * program's `record`. The commands' output is thrown away (it would bury the comparison), their
 * errors are shown, their input is empty: both see the same.
 */
#ifndef ALLOCTRAP_COMMAND_RECORD_PAIR_H
#define ALLOCTRAP_COMMAND_RECORD_PAIR_H

#include <stdbool.h>

#include "base/err.h"

struct record_pair {
    char *folder; /* where the recordings go */
    bool is_kept; /* the user's folder; else a temporary one, 0700, removed at close */
};

/* keep: a folder to use, made if need be; NULL: a temporary one in TMPDIR or /tmp. */
ERR_CHECKED enum err_code record_pair_open(struct record_pair *pair, const char *keep,
                                           struct err *reterr);

/* Records command into file and waits. number: 1 or 2, for the line that says so. A command that
 * fails is told on standard error and compared all the same. */
ERR_CHECKED enum err_code record_pair_run(const char *command, const char *file, int number,
                                          struct err *reterr);
void record_pair_close(struct record_pair *pair);

#endif
