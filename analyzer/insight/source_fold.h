/*
 * source_fold - which lines of a source file to show: those that matter, some lines around them,
 * and for all others how many were left out.
 * Owner: the caller frees source_rows.at. Threads: any.
 */
#ifndef ALLOCTRAP_INSIGHT_SOURCE_FOLD_H
#define ALLOCTRAP_INSIGHT_SOURCE_FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "insight/source_lines.h"

enum { SOURCE_CONTEXT = 2 /* lines before and after one that matters */ };

/* A line, or lines left out. */
struct source_row {
    uint32_t first;
    uint32_t last;                     /* of what is left out; else = first */
    const struct source_line *numbers; /* of a line; NULL = none */
    size_t left_out;                   /* not 0: lines left out; */
    size_t left_out_with_numbers;      /* of them */
};

struct source_rows {
    struct source_row *at;
    size_t count;
    size_t room;
};

/*
 * lines: of one file, by number. text_lines: how many lines its text has; 0 = there is no text, so
 * only lines with numbers are rows. Lines matter whose total of the key is not 0 and at least
 * `least`; those beyond the end of the text come last.
 */
struct source_rows source_fold(const struct source_line *lines, size_t count, size_t text_lines,
                               enum rank_key key, double least);

#endif
