#include "budget/budget_measure.h"

#include <stdlib.h>
#include <string.h>

#include "budget/budget_glob.h"

static void add_row(struct budget_values *into, const struct budget_row *row, uint64_t clock_ps)
{
    const struct profile_calls *c = &row->counts;
    bool is_realloc = hook_call_effect(row->call) == HOOK_EFFECT_REALLOC;
    into->of[METRIC_ALLOCS] += c->allocs;
    into->of[METRIC_FREES] += c->frees;
    into->of[METRIC_REALLOCS] += is_realloc && c->allocs != 0 && c->frees != 0 ? c->frees : 0;
    into->of[METRIC_BYTES] += c->bytes;
    into->of[METRIC_TIME] += latency_net(c->ns, c->calls, clock_ps);
    into->calls += c->calls;
    into->ns_max = c->ns_max > into->ns_max ? c->ns_max : into->ns_max;
    hist_merge(&into->latency, &row->latency);
}

/* What became of a site's blocks; only of sites whose calls allocate. */
static void add_lives(struct budget_values *into, const struct profile_site *site,
                      bool is_leak_ignored)
{
    into->of[METRIC_TEMPORARY] += site->temporaries;
    into->of[METRIC_PEAK] += site->peak_bytes;
    into->of[METRIC_LEAKED_BLOCKS] += is_leak_ignored ? 0 : site->live_blocks;
    into->of[METRIC_LEAKED_BYTES] += is_leak_ignored ? 0 : site->live_bytes;
}

static void add_values(struct budget_values *into, const struct budget_values *from)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        into->of[m] += from->of[m];
    }
    into->calls += from->calls;
    into->ns_max = from->ns_max > into->ns_max ? from->ns_max : into->ns_max;
    hist_merge(&into->latency, &from->latency);
}

static struct budget_group *group_of(struct budget_measure *measure, const char *key, size_t run,
                                     uint32_t site)
{
    struct budget_group *group = NULL;
    HASH_FIND_STR(measure->groups, key, group);
    if (group == NULL) {
        group = mem_zero(1, sizeof *group);
        group->key = key;
        group->run = run;
        group->site = site;
        group->runs = mem_zero(measure->run_count, sizeof *group->runs);
        HASH_ADD_KEYPTR(hh, measure->groups, group->key, strlen(group->key), group);
    }
    return group;
}

/* False when no call of the site is of the functions asked for. */
static bool measure_site(const struct budget_run *run, const struct budget_rows *rows,
                         const struct policy_budget *budget, uint32_t site,
                         struct budget_values *ret)
{
    bool has_call = false;
    for (uint64_t i = rows->first[site]; i < rows->first[site + 1]; i++) {
        const struct budget_row *row = &rows->at.at[i];
        if (!budget->match.has_calls || budget->match.calls[row->call]) {
            add_row(ret, row, run->profile->run.clock_cost_ps);
            has_call = true;
        }
    }
    if (has_call && ret->of[METRIC_ALLOCS] != 0 && !policy_window_is_set(&budget->window)) {
        add_lives(ret, &run->profile->sites.at[site], run->sites.at.at[site].is_leak_ignored);
    }
    return has_call;
}

static void measure_run(struct budget_measure *measure, const struct budget_run *run, size_t index,
                        const struct budget_rows *rows, const struct policy_budget *budget)
{
    bool *is_meant = budget_sites_match(&run->sites, &budget->match);
    for (uint32_t i = 0; i < run->sites.at.count; i++) {
        struct budget_values values = {.calls = 0};
        const struct budget_site *site = &run->sites.at.at[i];
        if (!is_meant[i] || site->is_ignored || !measure_site(run, rows, budget, i, &values)) {
            continue;
        }
        add_values(&measure->runs[index], &values);
        add_values(&group_of(measure, site->key, index, i)->runs[index], &values);
        hist_finish(&values.latency);
        measure->site_count += 1;
    }
    free(is_meant);
}

/* What belongs to the run as a whole. */
static void measure_whole(struct budget_measure *measure, const struct budget_run *run,
                          size_t index)
{
    struct budget_values *values = &measure->runs[index];
    for (size_t i = 0; i < run->profile->bins.count; i++) {
        uint64_t rss_bytes = run->profile->bins.at[i].rss_bytes;
        if (rss_bytes > values->of[METRIC_PEAK_RSS]) {
            values->of[METRIC_PEAK_RSS] = rss_bytes;
        }
    }
    values->of[METRIC_DROPPED] = profile_lost(run->profile);
    const struct budget_group *group;
    for (group = measure->groups; group != NULL; group = group->hh.next) {
        values->of[METRIC_SITES] += group->runs[index].of[METRIC_ALLOCS] != 0;
    }
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* The median is the middle one; of an even number the lower of the middle two: it was seen. */
static uint64_t merged(uint64_t *values, size_t count, enum budget_runs way,
                       enum budget_merge merge)
{
    if (way == BUDGET_RUNS_SLOPE) {
        return values[count - 1] > values[0] ? values[count - 1] - values[0] : 0;
    }
    qsort(values, count, sizeof *values, by_number);
    bool is_median = way == BUDGET_RUNS_MEDIAN || merge == BUDGET_MEDIAN;
    return is_median ? values[(count - 1) / 2] : values[0];
}

static void set_latency(struct budget_values *values, uint64_t clock_ps)
{
    struct profile_calls calls = {.calls = values->calls, .ns_max = values->ns_max};
    struct latency latency = latency_of(&calls, &values->latency, clock_ps);
    values->of[METRIC_P50] = latency.p50_ns;
    values->of[METRIC_P90] = latency.p90_ns;
    values->of[METRIC_P99] = latency.p99_ns;
    values->of[METRIC_P999] = latency.p999_ns;
    values->of[METRIC_MAX] = latency.max_ns;
}

static void merge_runs(const struct budget_values *runs, size_t run_count, enum budget_runs way,
                       uint64_t clock_ps, struct budget_values *ret)
{
    uint64_t *values = mem_zero(run_count, sizeof *values);
    for (int m = 0; m < METRIC_COUNT; m++) {
        for (size_t i = 0; i < run_count; i++) {
            values[i] = runs[i].of[m];
        }
        ret->of[m] =
            merged(values, run_count, way, budget_metric_facts((enum budget_metric)m)->merge);
    }
    for (size_t i = way == BUDGET_RUNS_SLOPE ? run_count - 1 : 0; i < run_count; i++) {
        ret->calls += runs[i].calls;
        ret->ns_max = runs[i].ns_max > ret->ns_max ? runs[i].ns_max : ret->ns_max;
        hist_merge(&ret->latency, &runs[i].latency);
    }
    set_latency(ret, clock_ps);
    free(values);
}

void budget_measure(struct budget_measure *measure, const struct budget_run *runs, size_t run_count,
                    const struct policy_budget *budget, enum budget_runs way)
{
    *measure = (struct budget_measure){.run_count = run_count,
                                       .runs = mem_zero(run_count, sizeof *measure->runs)};
    for (size_t i = 0; i < run_count && measure->trouble == NULL; i++) {
        struct budget_rows rows = {.first = NULL};
        bool is_partial = policy_window_is_set(&budget->window);
        if (is_partial) {
            budget_rows_make(&rows, runs[i].profile, &budget->window);
        }
        if (rows.trouble != NULL) {
            measure->trouble = mem_text(rows.trouble);
        } else {
            measure_run(measure, &runs[i], i, is_partial ? &rows : &runs[i].whole, budget);
            measure_whole(measure, &runs[i], i);
        }
        budget_rows_finish(&rows);
    }
    uint64_t clock_ps = run_count > 0 ? runs[0].profile->run.clock_cost_ps : 0;
    merge_runs(measure->runs, run_count, way, clock_ps, &measure->all);
    struct budget_group *group;
    for (group = measure->groups; group != NULL; group = group->hh.next) {
        merge_runs(group->runs, run_count, way, clock_ps, &group->all);
        group->all.of[METRIC_SITES] = group->all.of[METRIC_ALLOCS] != 0;
    }
}

static void finish_values(struct budget_values *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hist_finish(&values[i].latency);
    }
    free(values);
}

void budget_measure_finish(struct budget_measure *measure)
{
    struct budget_group *group;
    struct budget_group *next;
    HASH_ITER (hh, measure->groups, group, next) {
        HASH_DEL(measure->groups, group);
        finish_values(group->runs, measure->run_count);
        hist_finish(&group->all.latency);
        free(group);
    }
    finish_values(measure->runs, measure->run_count);
    hist_finish(&measure->all.latency);
    free(measure->trouble);
    *measure = (struct budget_measure){0};
}

/* Calls of a function of the allocator by its name, or else those that are made in a function. */
uint64_t budget_measure_calls(const struct budget_run *run, const char *pattern)
{
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        if (strcmp(pattern, hook_call_name(call)) == 0) {
            return run->profile->calls[call].calls;
        }
    }
    const char *bang = strchr(pattern, '!');
    char *module = bang != NULL ? mem_format("%.*s", (int)(bang - pattern), pattern) : NULL;
    struct policy_match match = {.module = module, .function = bang != NULL ? bang + 1 : pattern};
    bool *is_meant = budget_sites_match(&run->sites, &match);
    uint64_t calls = 0;
    for (size_t i = 0; i < run->whole.at.count; i++) {
        const struct budget_row *row = &run->whole.at.at[i];
        bool is_alloc = row->counts.allocs != 0;
        calls += is_meant[row->site] && is_alloc ? row->counts.calls : 0;
    }
    free(is_meant);
    free(module);
    return calls;
}

struct budget_ignored budget_measure_ignored(const struct budget_run *run)
{
    struct budget_ignored ignored = {0};
    for (size_t i = 0; i < run->sites.at.count; i++) {
        const struct budget_site *site = &run->sites.at.at[i];
        const struct profile_site *from = &run->profile->sites.at[i];
        if (site->is_ignored) {
            ignored.sites += 1;
            ignored.allocs += from->allocs;
            ignored.bytes += from->bytes;
        }
        ignored.leaked_bytes += site->is_leak_ignored ? from->live_bytes : 0;
    }
    for (size_t i = 0; i < run->profile->span_calls.count; i++) {
        const struct profile_span_call *call = &run->profile->span_calls.at[i];
        bool is_paused = run->profile->spans.at[call->span].kind == PROFILE_PAUSE;
        ignored.paused += is_paused ? call->counts.allocs : 0;
    }
    return ignored;
}
