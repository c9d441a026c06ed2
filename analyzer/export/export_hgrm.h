/*
 * export_hgrm - a histogram as HdrHistogram's percentile text, which its plotter draws.
 * Owner: the caller.   Threads: any.   Memory: none.   Errors: of writing, by the stream.
 * Units: the histogram's own, with three decimals.
 */
#ifndef ALLOCTRAP_EXPORT_EXPORT_HGRM_H
#define ALLOCTRAP_EXPORT_EXPORT_HGRM_H

#include <stdint.h>
#include <stdio.h>

#include "heap/hist.h"

/* clock_cost_ps is taken off every value, as in reports; 0 for what is no time. */
void export_hgrm_write(const struct hist *hist, uint64_t clock_cost_ps, FILE *out);

#endif
