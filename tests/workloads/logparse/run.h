/*
 * run - one log through the parser: lines in, JSON lines out, and what it took.
 * Owner:   the caller opens and closes both files.   Threads: one.
 * Memory:  bounded: the reader's buffer, one line's fields, and what the builder keeps.
 */
#ifndef RUN_H
#define RUN_H

#include "builder.h"
#include "run_stats.h"

#include <stdbool.h>
#include <stdio.h>

struct run_config {
    const struct builder_kind *kind;
    const struct builder_kind *check_kind; /* builds every line a second time; NULL = no */
    int in_fd;
    const char *in_name;
    FILE *out;
};

/* False when it failed; it has said why on standard error, in one line. */
bool run_log(const struct run_config *config, struct run_stats *ret_stats);

#endif
