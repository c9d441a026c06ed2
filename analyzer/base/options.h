/*
 * options - what getopt_long() leaves to each command: messages of our own, one line that says what
 * is wrong and what to do. Exit status 2 follows from ERR_USAGE.
 */
#ifndef ALLOCTRAP_BASE_OPTIONS_H
#define ALLOCTRAP_BASE_OPTIONS_H

#include <getopt.h>
#include <stdint.h>

#include "base/err.h"

/* Takes one option into a command's choices; optarg is its value. */
typedef enum err_code options_take(int option, void *choices, struct err *reterr);

/*
 * Gives each option of a command's own argv (argv[0] = its name) to take(), but for those whose row
 * in longs sets a flag; afterwards optind is at the first operand. Refuses what is unknown, stops
 * at the first error. shorts is as for getopt_long(), with ":" first, or after "+" or "-".
 */
ERR_CHECKED enum err_code options_each(int argc, char **argv, const char *shorts,
                                       const struct option *longs, options_take *take,
                                       void *choices, struct err *reterr);

/* A whole number in decimal, 0 to max. */
ERR_CHECKED enum err_code options_number(const char *name, const char *text, uint64_t max,
                                         uint64_t *ret, struct err *reterr);

/* "N" or "N:NAME", N above 0; *ret_name is NULL without a name, else a part of text. */
ERR_CHECKED enum err_code options_units(const char *text, uint64_t *ret_units,
                                        const char **ret_name, struct err *reterr);

#endif
