/*
 * options - what getopt_long() leaves to each command: messages of our own, one line that says what
 * is wrong and what to do. Exit status 2 follows from ERR_USAGE.
 */
#ifndef ALLOCTRAP_BASE_OPTIONS_H
#define ALLOCTRAP_BASE_OPTIONS_H

#include <getopt.h>
#include <stdint.h>

#include "base/err.h"

/* Starts a scan of a command's own argv (argv[0] = its name): silent, from the beginning. */
void options_start(void);

/* After getopt_long() gave '?' or ':'; the short options string must begin with "+:" or ":". */
ERR_CHECKED enum err_code options_refuse(char **argv, int option, struct err *reterr);

/* A whole number in decimal, 0 to max. */
ERR_CHECKED enum err_code options_number(const char *name, const char *text, uint64_t max,
                                         uint64_t *ret, struct err *reterr);

/* "N" or "N:NAME", N above 0; *ret_name is NULL without a name, else a part of text. */
ERR_CHECKED enum err_code options_units(const char *text, uint64_t *ret_units,
                                        const char **ret_name, struct err *reterr);

#endif
