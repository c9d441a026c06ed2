/*
 * budget_check - the verdicts: each limit of each budget against what the recordings hold, and what
 * a build should make of it. Everything that a report prints is computed here.
 * What cannot be told for sure (losses, a recording cut short, a percentile of too few calls) is
 * never green: it is said, with the reason.
 * Memory: a check owns its lists; names are the runs' and the policy's, which outlive it.
 */
#ifndef ALLOCTRAP_BUDGET_BUDGET_CHECK_H
#define ALLOCTRAP_BUDGET_BUDGET_CHECK_H

#include "budget/baseline.h"
#include "budget/budget_measure.h"
#include "budget/policy.h"

/* In the order of how much they matter: a budget's verdict is the highest of its lines. */
enum check_verdict {
    CHECK_OK,
    CHECK_IMPROVED,     /* better than the baseline, and the policy only notes that */
    CHECK_SKIPPED,      /* too few calls, or nothing to tell it by */
    CHECK_UNMATCHED,    /* no call site is meant: right, or a misspelt name */
    CHECK_WARNED,       /* broken, of severity warn; or improved, and the policy warns of it */
    CHECK_RATCHET,      /* improved, and the policy wants the baseline to follow */
    CHECK_NO_BASELINE,  /* nothing to compare with */
    CHECK_INCONCLUSIVE, /* the recording cannot tell */
    CHECK_BROKEN,
    CHECK_VERDICTS
};

enum {
    CHECK_STATUS_OK = 0,
    CHECK_STATUS_BROKEN = 1,
    CHECK_STATUS_INCONCLUSIVE = 3,
    CHECK_STATUS_RATCHET = 4,
    CHECK_STATUS_NO_BASELINE = 5
};

/* "ok", "broken", ... as JSON and text write it. */
const char *check_verdict_name(enum check_verdict verdict);

/* A call site that a reader should look at. */
struct check_site {
    const char *key;
    const char *label; /* its function */
    const char *file;  /* "" = unknown */
    const char *module;
    uint32_t line;
    uint64_t now;
    uint64_t before; /* in the baseline; valid when has_before */
    bool has_before;
    bool is_new; /* there is a baseline, and it does not have this site */
};

enum { CHECK_SITES_MAX = 5 };

/* One limit. */
struct check_line {
    size_t budget;
    enum budget_metric metric;
    enum check_verdict verdict;
    bool is_relative;           /* limit = baseline + change; else as the policy says */
    struct budget_ratio actual; /* for each unit where the budget says so */
    struct budget_ratio limit;
    struct budget_ratio allowed; /* the limit with its tolerance: beyond it, it is broken */
    bool has_base;
    struct budget_ratio base;
    uint64_t samples; /* calls, of a latency */
    uint64_t least;   /* of the runs, before anything is divided by units */
    uint64_t most;
    uint32_t sites_over;     /* each: so many call sites */
    struct check_site worst; /* each: the worst of them; key NULL = none */
    char *words;             /* what is counted; NULL = what the metric is called */
    char *why;               /* what a verdict needs to be understood; NULL = nothing */
};

struct check_budget {
    const struct policy_budget *policy;
    enum check_verdict verdict;
    const char *unit; /* "line"; NULL = the whole run */
    uint64_t units;
    size_t sites; /* that it means */
    size_t line_first;
    size_t line_count;
    enum budget_metric moved_by; /* what the sites below are ordered by */
    struct check_site moved[CHECK_SITES_MAX];
    size_t moved_count;
};

struct check {
    const struct policy *policy;
    const struct budget_run *runs;
    size_t run_count;
    enum budget_runs way;
    const struct baseline_variant *baseline; /* NULL = none */
    bool is_strict;
    MEM_ARRAY(struct check_line) lines;
    MEM_ARRAY(struct check_budget) budgets;
    size_t counts[CHECK_VERDICTS]; /* budgets of each verdict */
    struct budget_ignored ignored; /* of the first run */
    struct policy_budget *zones;   /* budgets that programs gave themselves: zones of theirs that
                                      must not allocate */
    const char *unit_name;         /* what the units are called: "line" */
    char *note;                    /* on all of it, such as a baseline of another libc; NULL */
    int status;
};

struct check_question {
    const struct policy *policy;
    const struct budget_run *runs;
    size_t run_count;
    enum budget_runs way;
    const struct baseline_variant *baseline; /* NULL = none */
    bool is_strict;
    const char *unit_name; /* "" = unknown */
};

void check_make(struct check *check, const struct check_question *question);
void check_finish(struct check *check);

/* Why the runs cannot be a baseline; NULL = they can. free() it. */
char *check_trouble(const struct check_question *question);

/* What the runs measure, as a baseline's variant of that name. */
void check_make_baseline(const struct check_question *question, const char *variant,
                         struct baseline *ret);

#endif
