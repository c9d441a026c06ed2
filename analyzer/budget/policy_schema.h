/*
 * policy_schema - the shape of a policy file, and libcyaml behind it: which keys there are, which
 * of them hold what. All values are texts still; policy.c knows what they mean.
 * Memory: libcyaml's; policy_schema_free().
 */
#ifndef ALLOCTRAP_BUDGET_POLICY_SCHEMA_H
#define ALLOCTRAP_BUDGET_POLICY_SCHEMA_H

#include "base/err.h"
#include "budget/budget_metric.h"
#include "budget/policy_text.h"

/* NULL where the file has no such key. */
struct policy_raw_match {
    char *function;
    char *module;
    char *file;
    char *site;
    char *under;
    char *op;
};

struct policy_raw_ignore {
    struct policy_raw_match match;
    char *leaks_only;
};

struct policy_raw_values {
    char *text[METRIC_COUNT];
};

struct policy_raw_tolerance {
    char *relative;
    char *absolute;
};

struct policy_raw_window {
    char *skip;
    char *after_mark;
    char *until_mark;
    char *phase;
};

struct policy_raw_finding {
    char *kind;
    char *above;
    char *max;
};

struct policy_raw_budget {
    char *name;
    struct policy_raw_match *match;
    char *per;
    char *each;
    struct policy_raw_values *limits;
    struct policy_raw_values *baseline;
    struct policy_raw_tolerance *tolerance;
    struct policy_raw_window *window;
    struct policy_raw_finding *findings;
    unsigned findings_count;
    char *min_samples;
    char *severity;
    char *on_improvement;
    char *allow_dropped;
};

struct policy_raw_defaults {
    struct policy_raw_tolerance *tolerance;
    char *runs;
    char *aggregate;
    char *on_improvement;
    char *min_samples;
    char *severity;
    char *allow_dropped;
};

struct policy_raw_units {
    char *from;
    char *name;
    char *calls;
};

struct policy_raw {
    char *version;
    struct policy_raw_defaults *defaults;
    struct policy_raw_units *units;
    struct policy_raw_window *window;
    struct policy_raw_ignore *ignore;
    unsigned ignore_count;
    struct policy_raw_budget *budgets;
    unsigned budgets_count;
};

/* text is changed where it has short forms. */
ERR_CHECKED enum err_code policy_schema_load(struct policy_text *text, struct policy_raw **ret,
                                             struct err *reterr);
void policy_schema_free(struct policy_raw *raw);

/* The known word that is most like another, or NULL: none is. words ends with NULL. */
const char *policy_schema_nearest(const char *word, const char *const *words);

#endif
