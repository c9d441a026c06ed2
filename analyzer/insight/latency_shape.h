/*
 * latency_shape - a latency histogram made ready to be drawn, and to be written as HdrHistogram
 * writes its percentiles.
 * Pure. Units: ns, the clock's own cost taken off each value.
 */
#ifndef ALLOCTRAP_INSIGHT_LATENCY_SHAPE_H
#define ALLOCTRAP_INSIGHT_LATENCY_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "heap/hist.h"

enum {
    /* 1, 2, 5, 10, 20, 50, ... ns up to what 64 bits hold: three bars a decade. */
    LATENCY_BARS_MAX = 60,
    LATENCY_HALVES = 5 /* lines of hgrm for each halving of what is left, as HdrHistogram does */
};

struct latency_bar {
    uint64_t from_ns; /* inclusive */
    uint64_t to_ns;   /* exclusive */
    uint64_t count;
};

/* From the first bar with calls to the last, without gaps. */
struct latency_bars {
    struct latency_bar at[LATENCY_BARS_MAX];
    size_t count;
    uint64_t highest; /* the largest count */
};

struct latency_bars latency_bars_of(const struct hist *hist, uint64_t clock_cost_ps);

/* One line of a percentile distribution. */
struct latency_line {
    uint64_t ns;
    double quantile; /* 0..1 */
    uint64_t count;  /* calls up to here */
};

typedef MEM_ARRAY(struct latency_line) latency_lines;

/* The lines, the last with quantile 1; free(lines.at). None of an empty histogram. */
latency_lines latency_lines_of(const struct hist *hist, uint64_t clock_cost_ps);

/* Mean and standard deviation by the histogram's values. */
void latency_moments(const struct hist *hist, uint64_t clock_cost_ps, double *ret_mean,
                     double *ret_deviation);

#endif
