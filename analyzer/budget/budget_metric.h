/*
 * budget_metric - what a budget can limit: names, units, and where it can be measured. One table;
 * the policy's schema, the measuring and all reports expand it.
 * Not for measuring: that is budget_measure.
 */
#ifndef ALLOCTRAP_BUDGET_BUDGET_METRIC_H
#define ALLOCTRAP_BUDGET_BUDGET_METRIC_H

#include <stdbool.h>
#include <stdint.h>

enum budget_unit { BUDGET_COUNT, BUDGET_BYTES, BUDGET_NS };

/* How many runs become one value: the least, the median, or one histogram of all their calls. */
enum budget_merge { BUDGET_LEAST, BUDGET_MEDIAN, BUDGET_HISTOGRAM };

/*
 * X(id, key in the policy, unit, merge of runs, words). In a report's order. From ALLOCS to TIME a
 * metric adds up over the calls of a site, so that it can be told for one function or within a
 * window; from P50 to MAX it is latency. FINDINGS is what a budget's own key of that name is
 * counted in; neither limits nor baseline take it.
 */
#define BUDGET_METRIC_TABLE(X)                                                                     \
    X(ALLOCS, "allocs", BUDGET_COUNT, BUDGET_LEAST, "allocations")                                 \
    X(FREES, "frees", BUDGET_COUNT, BUDGET_LEAST, "frees")                                         \
    X(REALLOCS, "reallocs", BUDGET_COUNT, BUDGET_LEAST, "reallocs")                                \
    X(BYTES, "bytes", BUDGET_BYTES, BUDGET_MEDIAN, "allocated bytes")                              \
    X(TIME, "time", BUDGET_NS, BUDGET_MEDIAN, "allocator time")                                    \
    X(P50, "p50", BUDGET_NS, BUDGET_HISTOGRAM, "p50 latency")                                      \
    X(P90, "p90", BUDGET_NS, BUDGET_HISTOGRAM, "p90 latency")                                      \
    X(P99, "p99", BUDGET_NS, BUDGET_HISTOGRAM, "p99 latency")                                      \
    X(P999, "p999", BUDGET_NS, BUDGET_HISTOGRAM, "p99.9 latency")                                  \
    X(MAX, "max", BUDGET_NS, BUDGET_HISTOGRAM, "longest call")                                     \
    X(TEMPORARY, "temporary", BUDGET_COUNT, BUDGET_LEAST, "temporary allocations")                 \
    X(PEAK, "peak", BUDGET_BYTES, BUDGET_MEDIAN, "peak memory")                                    \
    X(PEAK_RSS, "peak_rss", BUDGET_BYTES, BUDGET_MEDIAN, "peak resident memory")                   \
    X(LEAKED_BLOCKS, "leaked_blocks", BUDGET_COUNT, BUDGET_LEAST, "blocks never freed")            \
    X(LEAKED_BYTES, "leaked_bytes", BUDGET_BYTES, BUDGET_LEAST, "bytes never freed")               \
    X(SITES, "sites", BUDGET_COUNT, BUDGET_LEAST, "call sites that allocate")                      \
    X(NEW_SITES, "new_sites", BUDGET_COUNT, BUDGET_LEAST, "call sites not in the baseline")        \
    X(DROPPED, "dropped", BUDGET_COUNT, BUDGET_LEAST, "events not recorded")                       \
    X(FINDINGS, "findings", BUDGET_COUNT, BUDGET_LEAST, "findings")

enum budget_metric {
#define BUDGET_METRIC_ID(id, key, unit, merge, words) METRIC_##id,
    BUDGET_METRIC_TABLE(BUDGET_METRIC_ID)
#undef BUDGET_METRIC_ID
        METRIC_COUNT
};

struct budget_metric_facts {
    const char *key;
    enum budget_unit unit;
    enum budget_merge merge;
    const char *words;
};

const struct budget_metric_facts *budget_metric_facts(enum budget_metric metric);

/* The percentile of a latency metric per ten thousand; 0: it has none (max, and all others). */
unsigned budget_metric_quantile(enum budget_metric metric);

/* Adds up over the calls of a site. */
bool budget_metric_is_of_calls(enum budget_metric metric);

/* Belongs to the whole run, not to call sites. */
bool budget_metric_is_of_run(enum budget_metric metric);

/* A baseline can hold it: times are another machine's. */
bool budget_metric_has_baseline(enum budget_metric metric);

/*
 * A value as a fraction: what "0.02 per line" is before anybody rounds it. den is never 0.
 */
struct budget_ratio {
    uint64_t num;
    uint64_t den;
};

/* -1, 0, 1: exact for all values. */
int budget_ratio_compare(struct budget_ratio a, struct budget_ratio b);

/* a + a * percent, and a + more; rounded to the value above only where 64 bits do not do. */
struct budget_ratio budget_ratio_grow(struct budget_ratio a, struct budget_ratio percent);
struct budget_ratio budget_ratio_add(struct budget_ratio a, struct budget_ratio more);

/* a - a * percent; never below 0. */
struct budget_ratio budget_ratio_shrink(struct budget_ratio a, struct budget_ratio percent);

#endif
