/*
 * policy - what `alloctrap.yaml` asks for: budgets, their limits, what is ignored. Parsed, checked,
 * with every number exact; where something is wrong, file, line, column and the nearest known key.
 * Not for judging: that is budget_check.
 * Owner: policy_destroy() frees all, texts included. Format: docs/ci.md.
 */
#ifndef ALLOCTRAP_BUDGET_POLICY_H
#define ALLOCTRAP_BUDGET_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alloctrap/hook_table.h"
#include "base/err.h"
#include "base/mem.h"
#include "budget/budget_metric.h"
#include "budget/policy_values.h"
#include "insight/finding.h"

enum { POLICY_BUDGETS_MAX = 10000, POLICY_IGNORES_MAX = 10000, POLICY_RUNS_MAX = 1000 };

/* Globs; NULL: does not matter. All that are given must match. */
struct policy_match {
    const char *function; /* of the call site: the innermost outside the allocator's wrappers */
    const char *module;   /* its library or program: file name or path */
    const char *file;     /* its source file; ** goes across folders */
    const char *site;     /* "function", or "library+0xoffset" where it has no name */
    const char *under;    /* the function of any frame */
    bool has_calls;       /* only these functions of the allocator */
    bool calls[CALL_COUNT];
};

struct policy_ignore {
    struct policy_match match;
    bool leaks_only;
};

/* A part of the run. All unset: the whole of it. */
struct policy_window {
    uint64_t skip_ns;       /* 0 = none */
    const char *after_mark; /* NULL = from the start */
    const char *until_mark; /* NULL = to the end */
    const char *phase;      /* NULL = no phase */
    const char *zone;       /* a zone that must not allocate; never in a file, NULL = none */
};

/* Both must be exceeded before a limit is broken. */
struct policy_tolerance {
    bool has_relative;
    bool has_absolute;
    struct budget_ratio relative; /* percent */
    struct budget_ratio absolute; /* of absolute_unit; for metrics of this unit alone */
    enum budget_unit absolute_unit;
    struct budget_ratio latency_relative; /* the same for latencies, which always have both */
    struct budget_ratio latency_absolute;
};

/* At most so many findings of a kind. */
struct policy_finding {
    bool is_any_kind;
    enum finding_kind kind;
    int above; /* enum finding_confidence; only what is above it counts, -1 = all */
    uint64_t max;
};

enum policy_severity { POLICY_ERROR, POLICY_WARN };
enum policy_improvement { POLICY_NOTE, POLICY_IMPROVEMENT_WARN, POLICY_FAIL };
enum policy_units { POLICY_UNITS_MARK, POLICY_UNITS_CLI, POLICY_UNITS_CALLS, POLICY_UNITS_NONE };

struct policy_limit {
    bool is_set;
    struct budget_ratio value;
};

struct policy_budget {
    const char *name;
    size_t line; /* in the policy file */
    bool has_match;
    struct policy_match match;
    const char *per; /* NULL = the whole run */
    bool is_each_site;
    struct policy_limit limits[METRIC_COUNT];
    struct policy_change changes[METRIC_COUNT]; /* against the baseline */
    struct policy_finding *findings;
    size_t finding_count;
    struct policy_tolerance tolerance;
    struct policy_window window;
    uint64_t min_samples; /* 0 = what a percentile needs */
    enum policy_severity severity;
    enum policy_improvement on_improvement;
    bool allow_dropped;
};

struct policy {
    struct mem_strings *strings;
    const char *path;
    uint64_t runs; /* 0 = not said */
    bool is_median;
    enum policy_units units_from;
    const char *units_name;  /* NULL = not said */
    const char *units_calls; /* "module!function", POLICY_UNITS_CALLS alone */
    MEM_ARRAY(struct policy_ignore) ignores;
    MEM_ARRAY(struct policy_budget) budgets;
};

/* Reads and checks a file, or bytes that are said to be path. */
ERR_CHECKED enum err_code policy_load(const char *path, struct policy **ret, struct err *reterr);
ERR_CHECKED enum err_code policy_parse(const char *path, const char *bytes, size_t length,
                                       struct policy **ret, struct err *reterr);
void policy_destroy(struct policy *policy);

/* Some budget compares with the baseline. */
bool policy_wants_baseline(const struct policy *policy);

/* Has it any part set? */
bool policy_window_is_set(const struct policy_window *window);

/* It looks at a part of what its call sites do: a part of the run, or some functions alone. */
bool policy_budget_is_partial(const struct policy_budget *budget);

#endif
