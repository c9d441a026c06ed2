/*
 * budget_measure - what a budget's call sites did: in one run, and in several runs taken together.
 * Counts of several runs become the least, bytes and peaks the median, latencies one histogram of
 * all calls: the noise of a machine only ever adds.
 * Memory: a measure owns all it points to but the keys, which are the sites'.
 */
#ifndef ALLOCTRAP_BUDGET_BUDGET_MEASURE_H
#define ALLOCTRAP_BUDGET_BUDGET_MEASURE_H

#include <uthash.h>

#include "budget/budget_rows.h"
#include "budget/budget_sites.h"
#include "budget/policy.h"
#include "heap/profile.h"
#include "insight/latency.h"

/* How several runs become one value; latencies are one histogram of all calls in any case. */
enum budget_runs {
    BUDGET_RUNS_LEAST,  /* counts the least, bytes and peaks the median */
    BUDGET_RUNS_MEDIAN, /* all the median */
    BUDGET_RUNS_SLOPE   /* two runs: what the second did more than the first; its latencies */
};

/* One recording under check. */
struct budget_run {
    struct profile *profile;
    struct budget_sites sites;
    struct budget_rows whole;
    uint64_t units; /* 0 = unknown */
    bool is_told;   /* by the program itself, so that its marks know them too */
};

struct budget_values {
    uint64_t of[METRIC_COUNT];
    uint64_t calls;
    uint64_t ns_max;
    struct hist latency;
};

/* Call sites of one key. */
struct budget_group {
    UT_hash_handle hh;
    const char *key;
    size_t run; /* where a site of it is: runs[run].sites.at[site] */
    uint32_t site;
    struct budget_values *runs; /* one for each run */
    struct budget_values all;   /* all runs as one */
};

struct budget_measure {
    size_t run_count;
    struct budget_values *runs;
    struct budget_values all;
    struct budget_group *groups; /* a uthash table by key */
    size_t site_count;           /* sites that matched, all runs */
    char *trouble;               /* why nothing can be told; NULL = it can */
};

/* Measures a budget over all runs. */
void budget_measure(struct budget_measure *measure, const struct budget_run *runs, size_t run_count,
                    const struct policy_budget *budget, enum budget_runs way);
void budget_measure_finish(struct budget_measure *measure);

/* Units of a run as the policy wants them counted: calls of a function. */
uint64_t budget_measure_calls(const struct budget_run *run, const char *pattern);

/* What was left out by the policy's ignore rules. */
struct budget_ignored {
    uint64_t sites;
    uint64_t allocs;
    uint64_t bytes;
    uint64_t leaked_bytes; /* of sites of leaks_only rules as well */
    uint64_t paused;       /* allocations while the program had paused */
};
struct budget_ignored budget_measure_ignored(const struct budget_run *run);

#endif
