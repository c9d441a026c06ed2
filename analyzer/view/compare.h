/*
 * compare - a comparison as a person or a program reads it: the conclusion first, then totals side
 * by side, then the call sites that made the difference.
 */
#ifndef ALLOCTRAP_VIEW_COMPARE_H
#define ALLOCTRAP_VIEW_COMPARE_H

#include <stdio.h>

#include "insight/compare.h"
#include "view/page.h"

/* before and after: what the two are called, usually their files. top: sites of each kind, 0 = all.
 */
struct compare_view {
    const struct comparison *comparison;
    const char *before;
    const char *after;
    size_t top;
};

/* Text or markdown, whatever the page is. */
void compare_print(const struct compare_view *view, const struct page *page);

/* JSON "alloctrap-compare/1". */
void compare_json(const struct compare_view *view, FILE *out);

#endif
