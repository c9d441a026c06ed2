/*
 * scaling - how allocations grow, as a person or a program reads it. Nothing is computed here.
 */
#ifndef ALLOCTRAP_VIEW_SCALING_H
#define ALLOCTRAP_VIEW_SCALING_H

#include <stdio.h>

#include "insight/scaling.h"
#include "view/page.h"

/* All borrowed. */
struct scaling_view {
    const struct scaling *scaling;
    size_t top; /* functions; 0 = all */
};

/* Text or markdown, whatever the page is. */
void scaling_print(const struct scaling_view *view, const struct page *page);

/* JSON "alloctrap-scaling/1". */
void scaling_json(const struct scaling_view *view, FILE *out);

/* A plot with logarithmic axes: what was measured, the fitted laws, and where they lead. */
void scaling_svg(const struct scaling_view *view, enum scaling_metric metric, FILE *out);

/* A value in its metric's unit: "1,234", "1.50 MiB", "12.3 ms"; free() it. */
char *scaling_value_text(enum scaling_metric metric, double value);

/* A row's function, "total" for the total; free() it. */
char *scaling_row_text(const struct scaling *scaling, const struct scaling_row *row);

#endif
