/*
 * outfile - a file that a command was told to write: whole or not at all. A new file appears under
 * its name when it is closed; "-" is standard output, and what is there and no ordinary file (a
 * pipe, a device) is written as it is. A recording is never replaced.
 * Owner:   the caller, until outfile_close().   Threads: one at a time.
 */
#ifndef ALLOCTRAP_BASE_OUTFILE_H
#define ALLOCTRAP_BASE_OUTFILE_H

#include <stdio.h>

#include "base/err.h"

struct outfile {
    FILE *stream;
    char *path;
    char *temporary; /* NULL: written in place */
};

/* path is copied. */
ERR_CHECKED enum err_code outfile_open(const char *path, struct outfile *ret, struct err *reterr);

/* Closes. code is how writing went: on ERR_NONE the file is put in place, else it is dropped and
 * code returned. A reader of standard output that went away (a closed pipe) is no error. */
ERR_CHECKED enum err_code outfile_close(struct outfile *file, enum err_code code,
                                        struct err *reterr);

#endif
