#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "heap/slow_cause.h"
#include "insight/latency.h"
#include "insight/latency_shape.h"
#include "insight/site_callers.h"
#include "view/report.h"
#include "view/site_notes.h"

enum { BAR_CHARS = 40, SLOW_CALLS_SHOWN = 20 };

/* A bar as long as its share of the highest one; a single call has a mark too. */
static char *bar_text(uint64_t count, uint64_t highest)
{
    size_t length = (size_t)((double)count / (double)highest * BAR_CHARS + 0.5);
    length = count > 0 && length == 0 ? 1 : length;
    char *text = mem_zero(BAR_CHARS + 1, 1);
    memset(text, '#', length < BAR_CHARS ? length : BAR_CHARS);
    return text;
}

static void print_bars(const struct page *page, const struct hist *hist, uint64_t cost_ps)
{
    static const struct table_column columns[] = {{"from", TABLE_NUMBER},  {"to", TABLE_NUMBER},
                                                  {"calls", TABLE_NUMBER}, {"", TABLE_NUMBER},
                                                  {"up to", TABLE_NUMBER}, {"", TABLE_REMARK}};
    struct latency_bars bars = latency_bars_of(hist, cost_ps);
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    uint64_t below = 0;
    for (size_t i = 0; i < bars.count; i++) {
        const struct latency_bar *bar = &bars.at[i];
        if (bar->count == 0) {
            continue; /* "from" and "to" show the gap */
        }
        char *text = bar_text(bar->count, bars.highest);
        char *share = mem_format("%.4f %%", 100.0 * (double)bar->count / (double)hist->count);
        below += bar->count;
        char *sum = mem_format("%.4f %%", 100.0 * (double)below / (double)hist->count);
        table_add(table, units_ns(bar->from_ns).s);
        table_add(table, units_ns(bar->to_ns).s);
        table_add(table, units_count(bar->count).s);
        table_add(table, share);
        table_add(table, sum);
        table_add(table, text);
        free(sum);
        free(share);
        free(text);
    }
    page_table(page, table);
}

static void print_percentiles(const struct report *r, const struct page *page,
                              const struct profile_calls *calls, const struct hist *hist)
{
    static const unsigned told[] = {5000, 9000, 9900, 9990, 9999};
    static const char *const names[] = {"p50", "p90", "p99", "p99.9", "p99.99"};
    uint64_t cost_ps = r->profile->run.clock_cost_ps;
    struct latency l = latency_of(calls, hist, cost_ps);
    char *text = mem_format("%s call%s took %s, %s of the run.", units_count(l.count).s,
                            l.count == 1 ? "" : "s", units_ns(l.total_ns).s,
                            units_share(l.total_ns, r->profile->run.duration_ns).s);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        uint64_t ns = latency_net(hist_quantile(hist, told[i]), 1, cost_ps);
        ns = ns < l.max_ns ? ns : l.max_ns;
        char *longer = latency_can_tell(hist->count, told[i])
                           ? mem_format("%s %s %s,", text, names[i], units_ns(ns).s)
                           : mem_text(text);
        free(text);
        text = longer;
    }
    page_say(page, "%s longest %s.", text, units_ns(l.max_ns).s);
    free(text);
}

static void print_functions(const struct report *r, const struct page *page)
{
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (r->selection->call_latency[i].count != 0) {
            page_heading(page, hook_call_name(i));
            print_percentiles(r, page, &r->selection->calls[i], &r->selection->call_latency[i]);
            print_bars(page, &r->selection->call_latency[i], r->profile->run.clock_cost_ps);
        }
    }
}

static void print_site(const struct report *r, const struct page *page, struct site_stack *stack,
                       uint32_t site)
{
    const struct profile_site *s = &r->profile->sites.at[site];
    site_stack_load(stack, r->profile, s->path);
    char *label = stack->count != 0 ? site_label(&stack->at[site_stack_shown(stack, &r->wrappers)])
                                    : mem_text("(calls whose call path was not kept)");
    page_heading(page, label);
    print_percentiles(r, page, &r->selection->site_totals[site], &s->latency);
    print_bars(page, &s->latency, r->profile->run.clock_cost_ps);
    free(label);
}

static void print_sites(const struct report *r, const struct page *page)
{
    uint32_t *sites = NULL;
    size_t count = rank_sites(r->profile, r->selection, RANK_TIME, false, &sites);
    size_t shown = r->top != 0 && r->top < count ? r->top : count;
    struct site_stack stack = {0};
    char *heading =
        mem_format("Call sites with most time in the allocator (%zu of %zu)", shown, count);
    page_heading(page, heading);
    for (size_t i = 0; i < shown; i++) {
        if (r->profile->sites.at[sites[i]].latency.count != 0) {
            print_site(r, page, &stack, sites[i]);
        }
    }
    free(heading);
    site_stack_finish(&stack);
    free(sites);
}

/* What the kernel counted within a call; nothing stands for what was not measured. */
static void add_met(struct table *table, const struct profile_slow_call *slow)
{
    bool is_measured = slow->cause != PROFILE_CAUSE_NONE;
    uint64_t faults = (uint64_t)slow->usage.minor_faults + slow->usage.major_faults;
    uint64_t switches = (uint64_t)slow->usage.voluntary + slow->usage.involuntary;
    table_add(table, slow_cause_words((enum profile_cause)slow->cause));
    table_add(table, is_measured ? units_count(faults).s : "");
    table_add(table, is_measured ? units_count(switches).s : "");
}

static void add_slow(struct table *table, const struct report *r, struct site_stack *stack,
                     const struct profile_slow_call *slow)
{
    static const struct site_callers_list none = {0};
    site_stack_load(stack, r->profile, r->profile->sites.at[slow->site].path);
    size_t shown = site_stack_shown(stack, &r->wrappers);
    char *label = stack->count != 0 ? site_label(&stack->at[shown])
                                    : mem_text("(calls whose call path was not kept)");
    char *thread = mem_format("%" PRIu32, slow->thread);
    table_add(table, units_ns(latency_net(slow->ns, 1, r->profile->run.clock_cost_ps)).s);
    table_add(table, hook_call_name(slow->call));
    table_add(table, slow->size != 0 ? units_bytes(slow->size).s : "-");
    table_add(table, units_ns(slow->at_ns).s);
    table_add(table, thread);
    add_met(table, slow);
    table_add(table, label);
    site_notes_add(table, &none, stack, shown);
    free(thread);
    free(label);
}

static void print_slow(const struct report *r, const struct page *page)
{
    static const struct table_column columns[] = {
        {"took", TABLE_NUMBER},        {"function", TABLE_WORD},   {"size", TABLE_NUMBER},
        {"after start", TABLE_NUMBER}, {"thread", TABLE_NUMBER},   {"cause", TABLE_WORD},
        {"faults", TABLE_NUMBER},      {"switches", TABLE_NUMBER}, {"where", TABLE_NAME}};
    const struct profile *p = r->profile;
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    struct site_stack stack = {0};
    for (size_t i = 0; i < p->slow_calls.count && table_rows(table) < SLOW_CALLS_SHOWN; i++) {
        if (r->selection->is_kept[p->slow_calls.at[i].site]) {
            add_slow(table, r, &stack, &p->slow_calls.at[i]);
        }
    }
    page_heading(page, "Slowest calls");
    page_table(page, table);
    site_stack_finish(&stack);
}

void report_print_latency(const struct report *report, const struct page *page)
{
    if (report->profile->totals.ns == 0) {
        page_say(page, "No call was timed: recorded with --latency=off, or there was none.");
        return;
    }
    page_say(page, "Bars: calls that took from ... up to just below; the clock's own cost is taken "
                   "off. A percentile stands only where so many calls can have it.");
    print_functions(report, page);
    report_say_null_frees(report, page);
    print_sites(report, page);
    print_slow(report, page);
}

/* The histogram of a function, or of all of them for NULL; hist_finish() it. */
static struct hist histogram_of(const struct report *r, const char *function)
{
    struct hist sum = {0};
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (function == NULL || strcmp(function, hook_call_name(i)) == 0) {
            hist_merge(&sum, &r->selection->call_latency[i]);
        }
    }
    return sum;
}

void report_hgrm(const struct report *report, const char *function, FILE *out)
{
    struct hist hist = histogram_of(report, function);
    uint64_t cost_ps = report->profile->run.clock_cost_ps;
    latency_lines lines = latency_lines_of(&hist, cost_ps);
    double mean = 0;
    double deviation = 0;
    latency_moments(&hist, cost_ps, &mean, &deviation);
    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    for (size_t i = 0; i < lines.count; i++) {
        const struct latency_line *line = &lines.at[i];
        fprintf(out, "%12.3f %2.12f %10" PRIu64, (double)line->ns, line->quantile, line->count);
        if (line->quantile < 1) {
            fprintf(out, " %14.2f", 1 / (1 - line->quantile));
        }
        fputc('\n', out);
    }
    uint64_t max_ns = lines.count > 0 ? lines.at[lines.count - 1].ns : 0;
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean, deviation);
    fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n", (double)max_ns,
            hist.count);
    fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", LOGLIN_CODES / LOGLIN_STEPS,
            LOGLIN_STEPS);
    free(lines.at);
    hist_finish(&hist);
}
