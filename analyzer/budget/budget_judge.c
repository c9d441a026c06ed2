#include "budget/budget_judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "insight/latency.h"

/* What one limit is judged with. */
struct judge {
    struct check *check;
    struct check_budget *b;
    const struct budget_measure *measure;
};

static bool is_latency(enum budget_metric metric)
{
    return metric == METRIC_MAX || budget_metric_quantile(metric) != 0;
}

static struct budget_ratio later(struct budget_ratio a, struct budget_ratio b)
{
    return budget_ratio_compare(a, b) > 0 ? a : b;
}

/* Beyond what it is broken: past the relative floor and past the absolute one. */
static struct budget_ratio allowed(const struct policy_tolerance *t, enum budget_metric metric,
                                   struct budget_ratio limit)
{
    if (budget_metric_facts(metric)->unit == BUDGET_NS) {
        return later(budget_ratio_grow(limit, t->latency_relative),
                     budget_ratio_add(limit, t->latency_absolute));
    }
    struct budget_ratio most = t->has_relative ? budget_ratio_grow(limit, t->relative) : limit;
    if (t->has_absolute && t->absolute_unit == budget_metric_facts(metric)->unit) {
        most = later(most, budget_ratio_add(limit, t->absolute));
    }
    return most;
}

/* Better than the baseline by more than the tolerance. */
static bool is_improved(const struct policy_tolerance *t, const struct check_line *line)
{
    struct budget_ratio least =
        t->has_relative ? budget_ratio_shrink(line->base, t->relative) : line->base;
    struct budget_ratio with_floor = line->actual;
    if (t->has_absolute && t->absolute_unit == budget_metric_facts(line->metric)->unit) {
        with_floor = budget_ratio_add(with_floor, t->absolute);
    }
    return budget_ratio_compare(line->actual, least) < 0 &&
           budget_ratio_compare(with_floor, line->base) < 0;
}

static enum check_verdict verdict_of(const struct policy_budget *budget,
                                     const struct check_line *line)
{
    static const enum check_verdict improved[] = {[POLICY_NOTE] = CHECK_IMPROVED,
                                                  [POLICY_IMPROVEMENT_WARN] = CHECK_WARNED,
                                                  [POLICY_FAIL] = CHECK_RATCHET};
    if (budget_ratio_compare(line->actual, line->allowed) > 0) {
        return budget->severity == POLICY_WARN ? CHECK_WARNED : CHECK_BROKEN;
    }
    if (line->is_relative && line->has_base && line->metric != METRIC_NEW_SITES &&
        is_improved(&budget->tolerance, line)) {
        return improved[budget->on_improvement];
    }
    return CHECK_OK;
}

/* Why a latency says nothing; NULL = it does. */
static char *trouble_of_latency(const struct judge *j, enum budget_metric metric, uint64_t calls)
{
    uint64_t wanted = j->b->policy->min_samples;
    unsigned quantile = budget_metric_quantile(metric);
    for (size_t i = 0; i < j->check->run_count; i++) {
        const char *settings = j->check->runs[i].profile->run.settings;
        if (settings != NULL && strstr(settings, "latency=off") != NULL) {
            return mem_text("it was recorded with --latency=off");
        }
    }
    if (calls < wanted) {
        return mem_format("%s call%s, and min_samples is %s", units_count(calls).s, units_s(calls),
                          units_count(wanted).s);
    }
    if (calls == 0 || (quantile != 0 && !latency_can_tell(calls, quantile))) {
        return mem_format("%s calls are too few for a percentile", units_count(calls).s);
    }
    return NULL;
}

static uint64_t value_of(const struct budget_values *values, enum budget_metric metric)
{
    return values->of[metric];
}

static struct budget_ratio ratio_of(const struct judge *j, enum budget_metric metric,
                                    uint64_t value)
{
    return (struct budget_ratio){value, is_latency(metric) ? 1 : j->b->units};
}

static void set_spread(const struct judge *j, struct check_line *line)
{
    line->least = line->most = value_of(&j->measure->all, line->metric);
    for (size_t i = 0; i < j->measure->run_count && !is_latency(line->metric); i++) {
        uint64_t value = value_of(&j->measure->runs[i], line->metric);
        line->least = i == 0 || value < line->least ? value : line->least;
        line->most = i == 0 || value > line->most ? value : line->most;
    }
}

/* Why there is no number to judge, set as the line's verdict; true when there is one. */
static bool can_tell(const struct judge *j, struct check_line *line,
                     const struct budget_values *values)
{
    line->samples = values->calls;
    if (is_latency(line->metric)) {
        line->why = trouble_of_latency(j, line->metric, values->calls);
    } else if (line->metric == METRIC_PEAK_RSS && values->of[METRIC_PEAK_RSS] == 0) {
        line->why = mem_text("resident memory was not sampled: the run was too short");
    }
    if (line->why != NULL) {
        line->verdict = CHECK_SKIPPED;
    }
    return line->why == NULL;
}

static struct check_line new_line(const struct judge *j, enum budget_metric metric,
                                  bool is_relative)
{
    return (struct check_line){.budget = j->check->budgets.count - 1,
                               .metric = metric,
                               .is_relative = is_relative,
                               .actual = {0, 1},
                               .limit = {0, 1},
                               .allowed = {0, 1},
                               .base = {0, 1}};
}

/* A site's entry without leaked bytes says that there were none. */
static bool knows(const struct baseline_entry *entry, enum budget_metric metric)
{
    return entry->has[metric] || metric == METRIC_LEAKED_BYTES;
}

static struct check_site site_of(const struct judge *j, const struct budget_group *group,
                                 enum budget_metric metric)
{
    const struct budget_sites *sites = &j->check->runs[group->run].sites;
    const struct budget_site *site = &sites->at.at[group->site];
    const struct baseline_variant *v = j->check->baseline;
    const struct baseline_entry *entry = v != NULL ? baseline_entry(v->sites, group->key) : NULL;
    bool is_comparable = j->check->way != BUDGET_RUNS_SLOPE &&
                         !policy_budget_is_partial(j->b->policy) && !is_latency(metric);
    return (struct check_site){.key = group->key,
                               .label = sites->names.at[site->label],
                               .file = sites->names.at[site->file],
                               .module = sites->names.at[site->module],
                               .line = site->line,
                               .now = value_of(&group->all, metric),
                               .has_before = is_comparable && entry != NULL && knows(entry, metric),
                               .before = entry != NULL ? entry->of[metric] : 0,
                               .is_new = v != NULL && entry == NULL};
}

static uint64_t growth_of(const struct check_site *site)
{
    uint64_t before = site->has_before ? site->before : 0;
    return site->now > before ? site->now - before : 0;
}

/* Keeps the sites that moved most, largest first. */
static void offer(struct check_budget *b, struct check_site site)
{
    uint64_t growth = growth_of(&site);
    size_t at = b->moved_count;
    if (growth == 0) {
        return;
    }
    while (at > 0 && (growth > growth_of(&b->moved[at - 1]) ||
                      (growth == growth_of(&b->moved[at - 1]) &&
                       strcmp(site.key, b->moved[at - 1].key) < 0))) {
        at -= 1;
    }
    if (at == CHECK_SITES_MAX) {
        return;
    }
    b->moved_count += b->moved_count < CHECK_SITES_MAX;
    for (size_t i = b->moved_count - 1; i > at; i--) {
        b->moved[i] = b->moved[i - 1];
    }
    b->moved[at] = site;
}

static void find_moved(const struct judge *j, enum budget_metric metric)
{
    const struct budget_group *group;
    bool is_of_sites = !budget_metric_is_of_run(metric);
    j->b->moved_count = 0; /* what is new tells more than what grew */
    j->b->moved_by = metric == METRIC_SITES || metric == METRIC_NEW_SITES ? METRIC_ALLOCS : metric;
    for (group = j->measure->groups; group != NULL && is_of_sites; group = group->hh.next) {
        struct check_site site = site_of(j, group, j->b->moved_by);
        if (metric != METRIC_NEW_SITES || site.is_new) {
            offer(j->b, site);
        }
    }
}

static uint64_t new_sites(const struct judge *j)
{
    uint64_t count = 0;
    const struct budget_group *group;
    for (group = j->measure->groups; group != NULL; group = group->hh.next) {
        count += group->all.of[METRIC_ALLOCS] != 0 &&
                 baseline_entry(j->check->baseline->sites, group->key) == NULL;
    }
    return count;
}

static struct budget_ratio changed(struct budget_ratio base, const struct policy_change *change)
{
    return change->is_percent ? budget_ratio_grow(base, change->by)
                              : budget_ratio_add(base, change->by);
}

static void judge_absolute(const struct judge *j, enum budget_metric metric)
{
    const struct policy_budget *budget = j->b->policy;
    struct check_line line = new_line(j, metric, false);
    line.limit = budget->limits[metric].value;
    line.allowed = allowed(&budget->tolerance, metric, line.limit);
    set_spread(j, &line);
    if (can_tell(j, &line, &j->measure->all)) {
        /* A zone that allocates on one run of many is not one that does not. */
        uint64_t value =
            budget->window.zone != NULL ? line.most : value_of(&j->measure->all, metric);
        line.actual = ratio_of(j, metric, value);
        line.verdict = verdict_of(budget, &line);
    }
    *MEM_PUSH(&j->check->lines) = line;
}

/* False when the baseline cannot serve: the line says so. */
static bool take_base(const struct judge *j, struct check_line *line)
{
    const struct baseline_variant *v = j->check->baseline;
    const struct baseline_entry *entry =
        v != NULL ? baseline_entry(v->budgets, j->b->policy->name) : NULL;
    if (v != NULL && line->metric == METRIC_NEW_SITES) {
        line->has_base = true;
        return true;
    }
    if (entry == NULL || !entry->has[line->metric] ||
        (j->b->policy->per != NULL && entry->units == 0)) {
        line->verdict = CHECK_NO_BASELINE;
        line->why = mem_text(v == NULL ? "there is no baseline" : "the baseline does not have it");
        return false;
    }
    line->has_base = true;
    /* Units that the budget had when the baseline was made, and has no more, divide nothing. */
    bool is_divided = j->b->policy->per != NULL;
    line->base = (struct budget_ratio){entry->of[line->metric], is_divided ? entry->units : 1};
    return true;
}

static void judge_relative(const struct judge *j, enum budget_metric metric)
{
    const struct policy_budget *budget = j->b->policy;
    struct check_line line = new_line(j, metric, true);
    set_spread(j, &line);
    line.actual = ratio_of(j, metric, value_of(&j->measure->all, metric));
    if (take_base(j, &line)) {
        if (metric == METRIC_NEW_SITES) {
            line.actual = (struct budget_ratio){new_sites(j), 1};
        }
        line.limit = changed(line.base, &budget->changes[metric]);
        line.allowed = allowed(&budget->tolerance, metric, line.limit);
        line.verdict = verdict_of(budget, &line);
    }
    *MEM_PUSH(&j->check->lines) = line;
}

/* What a site of the baseline did, and by how many units of work; false: it does not say. Of a part
 * of it the budget says whether it was measured: a site without an entry did nothing then. */
static bool take_site_base(const struct judge *j, const struct budget_group *group,
                           struct check_line *line)
{
    const struct policy_budget *budget = j->b->policy;
    const struct baseline_variant *v = j->check->baseline;
    const struct baseline_entry *own = baseline_entry(v->budgets, budget->name);
    const struct baseline_entry *site = baseline_entry(v->sites, group->key);
    bool is_known = site != NULL && knows(site, line->metric);
    if (policy_budget_is_partial(budget)) {
        char *name = baseline_part_name(budget, group->key);
        site = baseline_entry(v->budgets, name);
        is_known = own != NULL && own->has[line->metric];
        free(name);
    }
    uint64_t units = own != NULL ? own->units : 0;
    line->has_base = is_known && (budget->per == NULL || units != 0);
    line->base = (struct budget_ratio){site != NULL ? site->of[line->metric] : 0,
                                       budget->per != NULL ? units : 1};
    return line->has_base;
}

/* One site's limit; false: this site has none. */
static bool judge_site(const struct judge *j, const struct budget_group *group,
                       struct check_line *line)
{
    const struct policy_budget *budget = j->b->policy;
    enum budget_metric metric = line->metric;
    line->actual = ratio_of(j, metric, value_of(&group->all, metric));
    line->limit = budget->limits[metric].value;
    if (line->is_relative) {
        if (baseline_entry(j->check->baseline->sites, group->key) == NULL) {
            return false; /* new: new_sites is what judges it */
        }
        if (!take_site_base(j, group, line)) {
            line->verdict = CHECK_NO_BASELINE;
            return true;
        }
        if (is_latency(metric) && line->base.num == 0) {
            return false; /* it had none */
        }
        line->limit = changed(line->base, &budget->changes[metric]);
    } else if (is_latency(metric)) {
        char *why = trouble_of_latency(j, metric, group->all.calls);
        bool is_told = why == NULL;
        free(why);
        if (!is_told) {
            return false;
        }
        line->samples = group->all.calls;
    }
    line->allowed = allowed(&budget->tolerance, metric, line->limit);
    line->verdict = verdict_of(budget, line);
    return true;
}

/* Which of two judged sites is worse: the verdict, then how far beyond its limit. */
static bool is_worse(const struct check_line *a, const struct check_line *b)
{
    if (a->verdict != b->verdict) {
        return a->verdict > b->verdict;
    }
    /* With a baseline each site has a limit of its own. */
    return budget_ratio_compare(budget_ratio_add(a->actual, b->allowed),
                                budget_ratio_add(b->actual, a->allowed)) > 0;
}

/* The limit of every single site: the line is the worst one's. */
static void judge_each(const struct judge *j, enum budget_metric metric, bool is_relative)
{
    struct check_line worst = new_line(j, metric, is_relative);
    const struct budget_group *group;
    bool has_any = false;
    uint32_t over = 0;
    if (is_relative && j->check->baseline == NULL) {
        worst.verdict = CHECK_NO_BASELINE;
        worst.why = mem_text("there is no baseline");
        *MEM_PUSH(&j->check->lines) = worst;
        return;
    }
    for (group = j->measure->groups; group != NULL; group = group->hh.next) {
        struct check_line line = new_line(j, metric, is_relative);
        if (!judge_site(j, group, &line)) {
            continue;
        }
        bool is_over = line.verdict != CHECK_NO_BASELINE &&
                       budget_ratio_compare(line.actual, line.allowed) > 0;
        over += is_over;
        line.worst = site_of(j, group, metric);
        if (is_over) {
            j->b->moved_by = metric;
            offer(j->b, line.worst);
        }
        if (!has_any || is_worse(&line, &worst)) {
            worst = line;
            has_any = true;
        }
    }
    worst.sites_over = over;
    if (worst.verdict == CHECK_NO_BASELINE) {
        worst.why = mem_text("the baseline does not have it");
    }
    if (!has_any && is_latency(metric)) {
        worst.verdict = CHECK_SKIPPED;
        worst.why = mem_text("no call site has enough calls for a percentile");
    }
    *MEM_PUSH(&j->check->lines) = worst;
}

void judge_budget(struct check *check, struct check_budget *budget,
                  const struct budget_measure *measure)
{
    const struct judge j = {check, budget, measure};
    for (int m = 0; m < METRIC_COUNT; m++) {
        enum budget_metric metric = (enum budget_metric)m;
        bool is_each =
            budget->policy->is_each_site && metric != METRIC_SITES && metric != METRIC_NEW_SITES;
        for (int relative = 0; relative < 2; relative++) {
            bool is_asked =
                relative ? budget->policy->changes[m].is_set : budget->policy->limits[m].is_set;
            if (!is_asked) {
                continue;
            }
            if (is_each) {
                judge_each(&j, metric, relative != 0);
            } else if (relative) {
                judge_relative(&j, metric);
            } else {
                judge_absolute(&j, metric);
            }
            enum check_verdict verdict = check->lines.at[check->lines.count - 1].verdict;
            bool is_over = verdict == CHECK_BROKEN || verdict == CHECK_WARNED;
            if (!is_each && is_over && (budget->moved_count == 0 || metric == METRIC_NEW_SITES)) {
                find_moved(&j, metric);
            }
        }
    }
}
