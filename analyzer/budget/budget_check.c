#include "budget/budget_check.h"

#include <gnu/libc-version.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/units.h"
#include "budget/budget_findings.h"
#include "budget/budget_judge.h"
#include "live/live_build.h"

const char *check_verdict_name(enum check_verdict verdict)
{
    static const char *const names[CHECK_VERDICTS] = {
        [CHECK_OK] = "ok",
        [CHECK_IMPROVED] = "improved",
        [CHECK_SKIPPED] = "skipped",
        [CHECK_UNMATCHED] = "unmatched",
        [CHECK_WARNED] = "warned",
        [CHECK_RATCHET] = "ratchet",
        [CHECK_NO_BASELINE] = "no-baseline",
        [CHECK_INCONCLUSIVE] = "inconclusive",
        [CHECK_BROKEN] = "broken",
    };
    return names[verdict];
}

/* Why no number of this run may pass for the truth; NULL = it may. */
static char *trouble_of_run(const struct profile *p)
{
    uint64_t lost = profile_lost(p);
    if (lost != 0) {
        return mem_format("%s events were lost; record again on a machine that is less busy, or "
                          "allow_dropped: true",
                          units_count(lost).s);
    }
    if (p->run.counters_only || !p->run.is_complete) {
        return mem_text("the recording is not whole; record again");
    }
    if (p->run.exit_kind == PROFILE_SIGNALED || p->run.exit_kind == PROFILE_LOST) {
        return mem_format("the program was ended by signal %" PRId32, p->run.exit_code);
    }
    return NULL;
}

/* Units that a run did, or did within the budget's window; *ret_why: why that is not known. */
static uint64_t units_of_run(const struct policy *policy, const struct budget_run *run,
                             const struct policy_budget *budget, char **ret_why)
{
    uint64_t units = run->units;
    if (policy_window_is_set(&budget->window) && run->is_told) {
        units = budget_rows_units(run->profile, &budget->window, ret_why);
    } else if (policy_window_is_set(&budget->window)) {
        *ret_why = mem_text("units that were given from outside are those of the whole run, not of "
                            "a window");
    }
    if (units == 0 && *ret_why == NULL && policy->units_from == POLICY_UNITS_CALLS) {
        *ret_why =
            mem_format("units.calls '%s' is no function of the allocator that was called, and "
                       "no call site that allocates",
                       policy->units_calls);
    } else if (units == 0 && *ret_why == NULL) {
        *ret_why = mem_format("nobody said how many units of work were done (per: %s); let the "
                              "program say alloctrap_units(), or give --units N:%s",
                              budget->per, budget->per);
    }
    return units;
}

/* Why the units of these runs cannot be divided by; NULL = they can. *ret_units: by what. */
static char *trouble_of_units(const struct check_question *q, const struct policy_budget *budget,
                              uint64_t *ret_units)
{
    const char *name = q->unit_name;
    *ret_units = 1;
    if (budget->per == NULL) {
        return q->way == BUDGET_RUNS_SLOPE
                   ? mem_text("the slope of two runs tells only budgets with 'per'")
                   : NULL;
    }
    if (q->way == BUDGET_RUNS_SLOPE) {
        *ret_units = q->runs[1].units - q->runs[0].units;
        return NULL;
    }
    for (size_t i = 0; i < q->run_count; i++) {
        char *why = NULL;
        uint64_t units = units_of_run(q->policy, &q->runs[i], budget, &why);
        if (why != NULL || (i > 0 && units != *ret_units)) {
            return why != NULL ? why : mem_text("the runs did different numbers of units");
        }
        *ret_units = units;
    }
    if (name[0] != '\0' && strcmp(budget->per, "unit") != 0 && strcmp(budget->per, name) != 0) {
        return mem_format("the recording counts units of '%s', not of '%s'", name, budget->per);
    }
    return NULL;
}

/* The same sentence on each line of a budget that cannot be told. */
static void add_untold(struct check *check, const struct policy_budget *budget, const char *why,
                       enum check_verdict verdict)
{
    for (int relative = 0; relative < 2; relative++) {
        for (int m = 0; m < METRIC_COUNT; m++) {
            if (relative ? budget->changes[m].is_set : budget->limits[m].is_set) {
                *MEM_PUSH(&check->lines) = (struct check_line){
                    .budget = check->budgets.count - 1,
                    .metric = (enum budget_metric)m,
                    .verdict = verdict,
                    .is_relative = relative != 0,
                    .actual = {0, 1},
                    .limit = relative ? (struct budget_ratio){0, 1} : budget->limits[m].value,
                    .allowed = {0, 1},
                    .base = {0, 1},
                    .why = mem_text(why)};
            }
        }
    }
}

static char *trouble_of(const struct check_question *q, const struct policy_budget *budget,
                        uint64_t *ret_units)
{
    char *why = trouble_of_units(q, budget, ret_units);
    for (size_t i = 0; i < q->run_count && why == NULL && !budget->allow_dropped; i++) {
        why = trouble_of_run(q->runs[i].profile);
    }
    return why;
}

static void close_budget(struct check *check, struct check_budget *b)
{
    b->line_count = check->lines.count - b->line_first;
    b->verdict = b->sites == 0 && b->policy->has_match ? CHECK_UNMATCHED : CHECK_OK;
    for (size_t i = 0; i < b->line_count; i++) {
        enum check_verdict verdict = check->lines.at[b->line_first + i].verdict;
        b->verdict = verdict > b->verdict ? verdict : b->verdict;
    }
    check->counts[b->verdict] += 1;
}

static void check_one(struct check *check, const struct check_question *q,
                      const struct policy_budget *budget)
{
    uint64_t units = 1;
    char *why = trouble_of(q, budget, &units);
    struct check_budget *b = MEM_PUSH(&check->budgets);
    b->policy = budget;
    b->line_first = check->lines.count;
    b->units = units;
    b->unit = budget->per == NULL ? NULL : q->unit_name[0] != '\0' ? q->unit_name : budget->per;
    bool is_slope_off = q->way == BUDGET_RUNS_SLOPE && budget->per == NULL;
    struct budget_measure measure = {0};
    if (why == NULL) {
        budget_measure(&measure, q->runs, q->run_count, budget, q->way);
        b->sites = measure.site_count;
        why = measure.trouble != NULL ? mem_text(measure.trouble) : NULL;
    }
    if (why != NULL) {
        add_untold(check, budget, why, is_slope_off ? CHECK_SKIPPED : CHECK_INCONCLUSIVE);
        b->sites = 1; /* nobody looked */
    } else {
        judge_budget(check, b, &measure);
    }
    judge_findings(check, b, why);
    free(why);
    budget_measure_finish(&measure);
    close_budget(check, b);
}

static size_t find_zone(const struct policy_budget *zones, size_t count, const char *name)
{
    size_t at = 0;
    while (at < count && strcmp(zones[at].window.zone, name) != 0) {
        at += 1;
    }
    return at;
}

/* alloctrap_forbid_begin() is a budget that stands in the program, not in the policy. */
static void check_zones(struct check *check, const struct check_question *q)
{
    size_t count = 0;
    size_t room = 0;
    for (size_t r = 0; r < q->run_count; r++) {
        room += q->runs[r].profile->spans.count;
    }
    check->zones = mem_zero(room + 1, sizeof *check->zones);
    for (size_t r = 0; r < q->run_count && q->way != BUDGET_RUNS_SLOPE; r++) {
        const struct profile *p = q->runs[r].profile;
        for (size_t i = 0; i < p->spans.count; i++) {
            const char *name = p->spans.at[i].name;
            if (p->spans.at[i].kind != PROFILE_FORBID ||
                find_zone(check->zones, count, name) < count) {
                continue;
            }
            struct policy_budget *zone = &check->zones[count++];
            char *title = mem_format("zone '%s' does not allocate", name);
            *zone = (struct policy_budget){
                .name = mem_strings_keep(p->strings, title), .line = 1, .window = {.zone = name}};
            zone->limits[METRIC_ALLOCS] = (struct policy_limit){true, {0, 1}};
            free(title);
            check_one(check, q, zone);
        }
    }
}

static int status_of(const struct check *check)
{
    const size_t *counts = check->counts;
    if (counts[CHECK_BROKEN] != 0) {
        return CHECK_STATUS_BROKEN;
    }
    if (counts[CHECK_INCONCLUSIVE] != 0) {
        return CHECK_STATUS_INCONCLUSIVE;
    }
    if (counts[CHECK_NO_BASELINE] != 0) {
        return CHECK_STATUS_NO_BASELINE;
    }
    bool is_doubtful = counts[CHECK_WARNED] + counts[CHECK_UNMATCHED] + counts[CHECK_SKIPPED] != 0;
    if (check->is_strict && is_doubtful) {
        return CHECK_STATUS_BROKEN;
    }
    return counts[CHECK_RATCHET] != 0 ? CHECK_STATUS_RATCHET : CHECK_STATUS_OK;
}

static char *libc_text(void)
{
    return mem_format("glibc %s", gnu_get_libc_version());
}

void check_make(struct check *check, const struct check_question *q)
{
    *check = (struct check){.policy = q->policy,
                            .runs = q->runs,
                            .run_count = q->run_count,
                            .way = q->way,
                            .baseline = q->baseline,
                            .is_strict = q->is_strict,
                            .unit_name = q->unit_name,
                            .ignored = budget_measure_ignored(&q->runs[0])};
    for (size_t i = 0; i < q->policy->budgets.count; i++) {
        check_one(check, q, &q->policy->budgets.at[i]);
    }
    check_zones(check, q);
    char *libc = libc_text();
    if (q->baseline != NULL && q->baseline->libc[0] != '\0' &&
        strcmp(q->baseline->libc, libc) != 0) {
        check->note = mem_format("the baseline was made with %s, this is %s: what the C library "
                                 "allocates may differ; --variant=NAME keeps a baseline for each",
                                 q->baseline->libc, libc);
    }
    free(libc);
    check->status = status_of(check);
}

void check_finish(struct check *check)
{
    for (size_t i = 0; i < check->lines.count; i++) {
        free(check->lines.at[i].why);
        free(check->lines.at[i].words);
    }
    free(check->lines.at);
    free(check->budgets.at);
    free(check->zones);
    free(check->note);
    *check = (struct check){0};
}

char *check_trouble(const struct check_question *q)
{
    char *why = NULL;
    bool is_exact = false; /* some budget wants what is exact */
    for (size_t i = 0; i < q->policy->budgets.count; i++) {
        is_exact = is_exact || !q->policy->budgets.at[i].allow_dropped;
    }
    for (size_t i = 0; i < q->run_count && why == NULL && is_exact; i++) {
        why = trouble_of_run(q->runs[i].profile);
    }
    return why;
}

/* A baseline knows of each site what budgets over each site compare, and these in any case. */
static void mark_site_metrics(const struct policy *policy, bool wanted[METRIC_COUNT])
{
    wanted[METRIC_ALLOCS] = true;
    wanted[METRIC_BYTES] = true;
    wanted[METRIC_LEAKED_BYTES] = true;
    for (size_t i = 0; i < policy->budgets.count; i++) {
        const struct policy_budget *budget = &policy->budgets.at[i];
        for (int m = 0; budget->is_each_site && m < METRIC_COUNT; m++) {
            wanted[m] = wanted[m] || budget->changes[m].is_set;
        }
    }
    wanted[METRIC_SITES] = false;
    wanted[METRIC_NEW_SITES] = false;
}

static void keep_sites(const struct check_question *q, struct baseline *baseline,
                       struct baseline_variant *variant)
{
    static const struct policy_budget all_sites;
    bool wanted[METRIC_COUNT] = {false};
    struct budget_measure measure;
    mark_site_metrics(q->policy, wanted);
    budget_measure(&measure, q->runs, q->run_count, &all_sites, q->way);
    const struct budget_group *group;
    for (group = measure.groups; group != NULL; group = group->hh.next) {
        if (group->all.of[METRIC_ALLOCS] == 0) {
            continue;
        }
        struct baseline_entry *entry = baseline_add(baseline, &variant->sites, group->key);
        for (int m = 0; m < METRIC_COUNT; m++) {
            /* That a site leaks nothing is the rule, and not worth a member on each line. */
            entry->has[m] = wanted[m] && (group->all.of[m] != 0 || m != METRIC_LEAKED_BYTES);
            entry->of[m] = group->all.of[m];
        }
    }
    budget_measure_finish(&measure);
}

/* Of a budget over each site, what its sites did in the part that it looks at; of the whole run
 * keep_sites() has it. */
static void keep_parts(const struct budget_measure *measure, const struct policy_budget *budget,
                       struct baseline *baseline, struct baseline_variant *variant)
{
    const struct budget_group *group;
    for (group = measure->groups; group != NULL; group = group->hh.next) {
        char *name = baseline_part_name(budget, group->key);
        for (int m = 0; m < METRIC_COUNT; m++) {
            if (budget->changes[m].is_set && m != METRIC_NEW_SITES && group->all.of[m] != 0) {
                struct baseline_entry *entry = baseline_add(baseline, &variant->budgets, name);
                entry->has[m] = true;
                entry->of[m] = group->all.of[m];
            }
        }
        free(name);
    }
}

static void keep_budget(const struct check_question *q, const struct policy_budget *budget,
                        struct baseline *baseline, struct baseline_variant *variant)
{
    struct budget_measure measure;
    uint64_t units = 1;
    char *why = trouble_of(q, budget, &units);
    bool is_told = why == NULL;
    free(why);
    if (!is_told) {
        return;
    }
    budget_measure(&measure, q->runs, q->run_count, budget, q->way);
    struct baseline_entry *entry = NULL;
    for (int m = 0; m < METRIC_COUNT && measure.trouble == NULL; m++) {
        if (budget->changes[m].is_set && m != METRIC_NEW_SITES) {
            entry = baseline_add(baseline, &variant->budgets, budget->name);
            entry->has[m] = true;
            entry->of[m] = measure.all.of[m];
            entry->units = budget->per != NULL ? units : 0;
        }
    }
    if (budget->is_each_site && policy_budget_is_partial(budget) && measure.trouble == NULL) {
        keep_parts(&measure, budget, baseline, variant);
    }
    budget_measure_finish(&measure);
}

void check_make_baseline(const struct check_question *q, const char *variant, struct baseline *ret)
{
    struct utsname machine;
    struct baseline_variant *v = baseline_renew(ret, variant);
    const struct profile *p = q->runs[0].profile;
    char *libc = libc_text();
    const char *allocator = p->processes.count > 0 ? p->processes.at[0].allocator : "";
    v->tool = LIVE_BUILD_VERSION;
    v->machine = mem_strings_keep(ret->strings, uname(&machine) == 0 ? machine.machine : "");
    v->libc = mem_strings_keep(ret->strings, libc);
    v->allocator =
        mem_strings_keep(ret->strings, allocator != NULL ? site_basename(allocator) : "");
    free(libc);
    keep_sites(q, ret, v);
    for (size_t i = 0; i < q->policy->budgets.count; i++) {
        keep_budget(q, &q->policy->budgets.at[i], ret, v);
    }
}
