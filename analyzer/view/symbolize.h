/*
 * symbolize - what `alloctrap symbolize` found, and which files it could not use.
 */
#ifndef ALLOCTRAP_VIEW_SYMBOLIZE_H
#define ALLOCTRAP_VIEW_SYMBOLIZE_H

#include <stdio.h>

#include "symbol/symbol.h"

struct symbolize_view {
    const struct profile *profile;
    struct symbol_counts before;
    struct symbol_counts after;
    const struct symbol_notes *notes;
};

void symbolize_print(const struct symbolize_view *view, FILE *out);

#endif
