/*
 * export_metric - the numbers that an export can show of a call site, each with its name on the
 * command line, its unit and its words.
 * Not for: histograms; a metric adds up over call sites.
 * Units: as the metric says; times in ns, net of the clock.   Threads: any.   Memory: none.
 */
#ifndef ALLOCTRAP_EXPORT_EXPORT_METRIC_H
#define ALLOCTRAP_EXPORT_EXPORT_METRIC_H

#include <stdbool.h>
#include <stdint.h>

/* X(id, name, unit, title): a place is never stored. */
#define EXPORT_METRIC_TABLE(X)                                                                     \
    X(ALLOCATIONS, "allocations", COUNT, "allocations")                                            \
    X(BYTES, "bytes", BYTES, "bytes allocated")                                                    \
    X(PEAK, "peak", BYTES, "bytes live at the peak")                                               \
    X(LIVE, "live", BYTES, "bytes live at the end")                                                \
    X(TEMPORARIES, "temporaries", COUNT, "temporary allocations")                                  \
    X(TIME, "time", NS, "time in the allocator")                                                   \
    X(FREE_TIME, "free-time", NS, "time in calls that free")                                       \
    X(PEAK_BLOCKS, "peak-blocks", COUNT, "blocks live at the peak")                                \
    X(LIVE_BLOCKS, "live-blocks", COUNT, "blocks live at the end")                                 \
    X(FREES, "frees", COUNT, "frees")                                                              \
    X(CALLS, "calls", COUNT, "calls of the allocator")

enum export_metric {
#define EXPORT_METRIC_ROW(id, name, unit, title) EXPORT_##id,
    EXPORT_METRIC_TABLE(EXPORT_METRIC_ROW)
#undef EXPORT_METRIC_ROW
        EXPORT_METRICS
};

enum export_unit { EXPORT_UNIT_COUNT, EXPORT_UNIT_BYTES, EXPORT_UNIT_NS };

struct export_metric_about {
    const char *name;
    enum export_unit unit;
    const char *title; /* "bytes live at the peak" */
};

extern const struct export_metric_about export_metrics[EXPORT_METRICS];

/* What a column of it is called: "free_time_ns"; free() it. */
char *export_metric_column(enum export_metric metric);

/* The metric of a name; false when there is none. */
bool export_metric_parse(const char *name, enum export_metric *ret);

#endif
