/*
 * loggen_line - makes one line after another of a plausible Apache access log (combined format),
 * some of them damaged as real logs are: cut, without a quote, binary, empty, or run away.
 * Not for: writing them anywhere; loggen.c does.
 * Owner:   the caller's struct; about 128 KiB, so not on a small stack.
 * Threads: one generator, one thread.   Memory: none beyond the struct.
 * Same seed and settings, same bytes: no floating point, no locale, no clock.
 */
#ifndef LOGGEN_LINE_H
#define LOGGEN_LINE_H

#include "loggen_random.h"

#include <stddef.h>
#include <stdint.h>

enum { LOGGEN_LINE_BYTES_MAX = 128 * 1024 };

struct loggen {
    struct loggen_random random;
    unsigned malformed_permille;
    int64_t clock_s; /* the stamp of the next line, in seconds since 1970 */
    uint64_t malformed_lines;

    /* Where the parts of the current line begin, for the damage done to it. */
    size_t stamp_at;
    size_t request_end_at; /* the quote that ends the request */
    size_t size_at;
    size_t length;
    char line[LOGGEN_LINE_BYTES_MAX];
};

void loggen_init(struct loggen *gen, uint64_t seed, unsigned malformed_permille);

/* Makes the next line in gen->line, with its newline; returns its length. */
size_t loggen_next(struct loggen *gen);

#endif
