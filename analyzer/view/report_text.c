#include "view/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/units.h"
#include "insight/latency.h"
#include "insight/process_tree.h"
#include "insight/site_callers.h"
#include "view/site_notes.h"

enum { SLOW_CALLS_SHOWN = 5, DEPTH_SHOWN_MAX = 12 };

#define NS_PER_S 1000000000.0
#define UNKNOWN "unknown"

static bool is_timed(const struct report *r)
{
    return select_is_timed(r->profile);
}

/* The first lines: what was lost, what ran, how it ended, and what was left out. */
static void print_head(const struct report *r, const struct page *page)
{
    const struct profile_run *run = &r->profile->run;
    char *loss = report_loss_text(r->profile);
    if (loss[0] != '\0') {
        page_warn(page, "%s", loss);
    }
    char *command = report_command_text(run->command);
    char *exit = report_exit_text(run->exit_kind, run->exit_code);
    page_say(page, "%s", command[0] != '\0' ? command : "(unknown command)");
    page_say(page, "ran %s, %s",
             run->duration_ns != 0 ? units_ns(run->duration_ns).s : "for an unknown time", exit);
    if (run->merged_runs > 1) {
        page_say(page, "%" PRIu32 " recordings merged into one: counts and times are sums.",
                 run->merged_runs);
    }
    if (r->selection->is_filtered) {
        page_say(page,
                 "FILTERED by%s%s%s%s: %s of %s call sites match, and all numbers below are "
                 "theirs alone.",
                 r->rule.focus != NULL ? " --focus=" : "",
                 r->rule.focus != NULL ? r->rule.focus : "",
                 r->rule.ignore != NULL ? " --ignore=" : "",
                 r->rule.ignore != NULL ? r->rule.ignore : "", units_count(r->selection->kept).s,
                 units_count(r->selection->all).s);
    }
    free(exit);
    free(command);
    free(loss);
}

static void add_row(struct table *table, const char *what, const char *value, const char *remark)
{
    table_add(table, what);
    table_add(table, value);
    table_add(table, remark);
}

static void add_lives(struct table *table, const struct report *r)
{
    const struct profile_totals *t = &r->selection->totals;
    if (r->profile->run.counters_only) {
        add_row(table, "peak, live at end, temporary", UNKNOWN, "only the counters were recovered");
        return;
    }
    char *peak =
        mem_format(r->selection->is_filtered ? "their part of the peak: %s blocks, after %s"
                                             : "live at once in %s blocks, after %s",
                   units_count(t->peak_blocks).s, units_ns(t->peak_at_ns).s);
    add_row(table, "peak memory", units_bytes(t->peak_bytes).s, t->peak_blocks != 0 ? peak : "");
    char *live = mem_format("in %s blocks, never freed", units_count(t->live_blocks).s);
    add_row(table, "live at end", units_bytes(t->live_bytes).s,
            t->live_blocks != 0 ? live
            : t->allocs != 0    ? "everything was freed"
                                : "");
    char *temporary = mem_format("%s: freed before the thread allocated again",
                                 units_share(t->temporaries, t->allocs).s);
    add_row(table, "temporary", units_count(t->temporaries).s, t->allocs != 0 ? temporary : "");
    free(temporary);
    free(live);
    free(peak);
}

static void add_time(struct table *table, const struct report *r)
{
    uint64_t ns = select_net_ns(r->selection, r->profile);
    uint64_t duration_ns = r->profile->run.duration_ns;
    if (!is_timed(r)) {
        add_row(table, "allocator time", "not measured", "recorded with --latency=off");
        return;
    }
    /* Several threads can spend more than the run's time together. */
    char *remark = duration_ns == 0    ? mem_text("")
                   : ns <= duration_ns ? mem_format("%s of the run", units_share(ns, duration_ns).s)
                                       : mem_format("all threads together, in a run of %s",
                                                    units_ns(duration_ns).s);
    add_row(table, "allocator time", units_ns(ns).s, remark);
    free(remark);
}

static void add_units(struct table *table, const struct report *r)
{
    const struct profile_run *run = &r->profile->run;
    if (run->units == 0) {
        return;
    }
    const char *unit =
        run->unit_name != NULL && run->unit_name[0] != '\0' ? run->unit_name : "unit";
    char *what = mem_format("per %s", unit);
    char *remark =
        mem_format("allocations, %s bytes (%s done)",
                   units_per(r->selection->totals.bytes, run->units).s, units_count(run->units).s);
    add_row(table, what, units_per(r->selection->totals.allocs, run->units).s, remark);
    free(remark);
    free(what);
}

static void print_summary(const struct report *r, const struct page *page)
{
    static const struct table_column columns[] = {
        {"", TABLE_WORD}, {"", TABLE_NUMBER}, {"", TABLE_REMARK}};
    const struct profile_totals *t = &r->selection->totals;
    struct table *table = table_create(columns, 3);
    double seconds = (double)r->profile->run.duration_ns / NS_PER_S;
    char *rate = seconds > 0 ? mem_format("%s per second",
                                          units_short((uint64_t)((double)t->allocs / seconds)).s)
                             : mem_text("");
    add_row(table, "allocations", units_count(t->allocs).s, rate);
    char *each =
        mem_format("%s each on average",
                   units_bytes(t->allocs != 0 ? (t->bytes + t->allocs / 2) / t->allocs : 0).s);
    add_row(table, "allocated bytes", units_bytes(t->bytes).s, t->allocs != 0 ? each : "");
    add_row(table, "frees", units_count(t->frees).s, "");
    add_units(table, r);
    add_lives(table, r);
    add_time(table, r);
    add_row(table, "failed calls", units_count(t->failed).s,
            t->failed != 0 ? "returned no memory" : "");
    if (r->profile->processes.count > 1) {
        add_row(table, "processes", units_count(r->profile->processes.count).s, "see below");
    }
    page_heading(page, "Summary");
    page_table(page, table);
    free(each);
    free(rate);
}

/* calls_seen: those whose time is in the percentiles; 0 = none was timed. */
static void add_times(struct table *table, const struct latency *l, uint64_t calls_seen)
{
    const struct {
        uint64_t ns;
        unsigned per_ten_thousand;
    } times[] = {{l->p50_ns, 5000}, {l->p90_ns, 9000}, {l->p99_ns, 9900}, {l->p999_ns, 9990}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        bool is_told = latency_can_tell(calls_seen, times[i].per_ten_thousand);
        table_add(table, is_told ? units_ns(times[i].ns).s : "-");
    }
    table_add(table, l->max_ns != 0 || calls_seen != 0 ? units_ns(l->max_ns).s : "-");
}

static void print_functions(const struct report *r, const struct page *page)
{
    static const struct table_column columns[] = {{"function", TABLE_WORD}, {"calls", TABLE_NUMBER},
                                                  {"total", TABLE_NUMBER},  {"p50", TABLE_NUMBER},
                                                  {"p90", TABLE_NUMBER},    {"p99", TABLE_NUMBER},
                                                  {"p99.9", TABLE_NUMBER},  {"max", TABLE_NUMBER}};
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    uint64_t cost_ps = r->profile->run.clock_cost_ps;
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct hist *hist = &r->selection->call_latency[i];
        if (r->selection->calls[i].calls == 0) {
            continue;
        }
        struct latency l = latency_of(&r->selection->calls[i], hist, cost_ps);
        table_add(table, hook_call_name(i));
        table_add(table, units_count(l.count).s);
        table_add(table, is_timed(r) ? units_ns(l.total_ns).s : "-");
        add_times(table, &l, is_timed(r) ? hist->count : 0);
    }
    page_heading(page, "How long each call took");
    page_say(
        page,
        "p99: 99 of 100 calls took no longer; - where there were too few calls to say. The cost "
        "of reading the clock, %s%" PRIu64 " ns a call, has been taken off all times.",
        cost_ps != 0 && cost_ps < 1000 ? "under " : "",
        (cost_ps + 500) / 1000 != 0 || cost_ps == 0 ? (cost_ps + 500) / 1000 : 1);
    page_table(page, table);
    report_say_null_frees(r, page);
}

/* What a share of a key is a share of; 0 = shares mean nothing. */
static uint64_t key_total(const struct report *r)
{
    const struct profile_totals *t = &r->selection->totals;
    const uint64_t totals[] = {[RANK_ALLOCATIONS] = t->allocs,
                               [RANK_BYTES] = t->bytes,
                               [RANK_PEAK] = t->peak_bytes,
                               [RANK_LIVE] = t->live_bytes,
                               [RANK_TEMPORARIES] = t->temporaries,
                               [RANK_TIME] = select_net_ns(r->selection, r->profile),
                               [RANK_P99] = 0};
    return totals[r->key];
}

static char *site_title(const struct report *r, struct site_stack *stack, uint32_t site,
                        size_t *ret_shown)
{
    site_stack_load(stack, r->profile, r->profile->sites.at[site].path);
    *ret_shown = site_stack_shown(stack, &r->wrappers);
    if (stack->count == 0) {
        return mem_text("(remainder: calls whose call path was not kept)");
    }
    return site_label(&stack->at[*ret_shown]);
}

/* The sites of a table, and what tells them apart. */
struct listing {
    const struct report *report;
    struct site_stack stack;
    struct site_callers_list callers;
};

static void list_site(struct listing *l, uint32_t site)
{
    const struct profile *p = l->report->profile;
    site_stack_load(&l->stack, p, p->sites.at[site].path);
    site_callers_add(&l->callers, &l->stack, site_stack_shown(&l->stack, &l->report->wrappers));
}

/* p99 of a handful of calls is one of them; who sorts by it wants to see it all the same. */
static char *site_p99(const struct report *r, uint32_t site)
{
    const struct hist *hist = &r->profile->sites.at[site].latency;
    bool is_told = !r->profile->run.counters_only && is_timed(r) &&
                   (latency_can_tell(hist->count, 9900) || r->key == RANK_P99);
    uint64_t ns = latency_net(hist_quantile(hist, 9900), 1, r->profile->run.clock_cost_ps);
    return mem_text(is_told ? units_ns(ns).s : "-");
}

static void add_site(struct table *table, struct listing *l, size_t rank, uint32_t site)
{
    const struct report *r = l->report;
    const struct profile_site *s = &r->profile->sites.at[site];
    const struct profile_calls *sum = &r->selection->site_totals[site];
    uint64_t value = rank_value(r->profile, r->selection, site, r->key);
    uint64_t cost_ps = r->profile->run.clock_cost_ps;
    bool is_whole = !r->profile->run.counters_only;
    table_add(table, units_count(rank).s);
    table_add(table, units_share(value, key_total(r)).s);
    table_add(table, units_count(sum->allocs).s);
    table_add(table, units_bytes(sum->bytes).s);
    if (r->key == RANK_PEAK || r->key == RANK_LIVE) {
        table_add(table, units_bytes(value).s);
    } else {
        table_add(table, is_whole ? units_share(s->temporaries, sum->allocs).s : "-");
    }
    table_add(table, is_timed(r) ? units_ns(latency_net(sum->ns, sum->calls, cost_ps)).s : "-");
    char *p99 = site_p99(r, site);
    table_add(table, p99);
    size_t shown;
    char *title = site_title(r, &l->stack, site, &shown);
    table_add(table, title);
    site_notes_add(table, &l->callers, &l->stack, shown);
    free(title);
    free(p99);
}

static void print_sites_heading(const struct report *r, const struct page *page, size_t shown,
                                size_t count)
{
    const char *words = report_key_words(r->key);
    char *heading = shown < count ? mem_format("Call sites that %s (%zu of %s)", words, shown,
                                               units_count(count).s)
                                  : mem_format("Call sites that %s", words);
    page_heading(page, heading);
    free(heading);
    page_say(page, "A call site is a distinct chain of callers; shown is its innermost function "
                   "outside the allocator and its wrappers.");
}

static void print_sites(const struct report *r, const struct page *page)
{
    const char *fifth = r->key == RANK_PEAK   ? "at peak"
                        : r->key == RANK_LIVE ? "live"
                                              : "temporary";
    const struct table_column columns[] = {{"#", TABLE_NUMBER},           {"share", TABLE_NUMBER},
                                           {"allocations", TABLE_NUMBER}, {"bytes", TABLE_NUMBER},
                                           {fifth, TABLE_NUMBER},         {"time", TABLE_NUMBER},
                                           {"p99", TABLE_NUMBER},         {"where", TABLE_NAME}};
    uint32_t *sites = NULL;
    size_t count = rank_sites(r->profile, r->selection, r->key, false, &sites);
    size_t shown = r->top != 0 && r->top < count ? r->top : count;
    print_sites_heading(r, page, shown, count);
    if (count == 0) {
        page_say(page, "None: no call site has anything to show here.");
        free(sites);
        return;
    }
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    struct listing l = {.report = r};
    for (size_t i = 0; i < shown; i++) {
        list_site(&l, sites[i]);
    }
    for (size_t i = 0; i < shown; i++) {
        add_site(table, &l, i + 1, sites[i]);
    }
    site_callers_finish(&l.callers);
    site_stack_finish(&l.stack);
    free(sites);
    page_table(page, table);
}

static void add_process(struct table *table, const struct profile *p, size_t i, unsigned depth)
{
    const struct profile_process *process = &p->processes.at[i];
    char *pid = mem_format("%" PRIu32, process->pid);
    char *exit = process->exit_kind == PROFILE_EXITED && process->exit_code >= 0
                     ? mem_format("exit %" PRId32, process->exit_code)
                     : report_exit_text(process->exit_kind, process->exit_code);
    char *command = report_command_text(process->command);
    char *indented = mem_format("%*s%s%s", (int)depth * 2, "", command,
                                process->origin == SESSION_BY_FORK ? " (fork)" : "");
    table_add(table, pid);
    table_add(table, units_count(process->totals.allocs).s);
    table_add(table, units_bytes(process->totals.bytes).s);
    table_add(table, units_bytes(process->totals.peak_bytes).s);
    table_add(
        table,
        units_ns(process->end_ns > process->start_ns ? process->end_ns - process->start_ns : 0).s);
    table_add(table, exit);
    table_add(table, indented);
    free(indented);
    free(command);
    free(exit);
    free(pid);
}

static int larger_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The number of allocations that a process must have to be among the `top` with the most. */
static uint64_t least_shown(const struct profile *p, size_t top)
{
    uint64_t *allocs = mem_zero(p->processes.count, sizeof *allocs);
    for (size_t i = 0; i < p->processes.count; i++) {
        allocs[i] = p->processes.at[i].totals.allocs;
    }
    qsort(allocs, p->processes.count, sizeof *allocs, larger_first);
    uint64_t least = top != 0 && top < p->processes.count ? allocs[top - 1] : 0;
    free(allocs);
    return least;
}

static size_t add_processes(struct table *table, const struct report *r)
{
    uint64_t least = least_shown(r->profile, r->top);
    size_t count;
    size_t shown = 0;
    struct process_place *places = process_tree(r->profile, &count);
    for (size_t i = 0; i < count && (r->top == 0 || shown < r->top); i++) {
        if (r->profile->processes.at[places[i].process].totals.allocs >= least) {
            unsigned depth = places[i].depth < DEPTH_SHOWN_MAX ? places[i].depth : DEPTH_SHOWN_MAX;
            add_process(table, r->profile, places[i].process, depth);
            shown++;
        }
    }
    free(places);
    return shown;
}

static void print_processes(const struct report *r, const struct page *page)
{
    static const struct table_column columns[] = {
        {"pid", TABLE_NUMBER},  {"allocations", TABLE_NUMBER}, {"bytes", TABLE_NUMBER},
        {"peak", TABLE_NUMBER}, {"ran", TABLE_NUMBER},         {"end", TABLE_WORD},
        {"command", TABLE_NAME}};
    size_t count = r->profile->processes.count;
    if (count < 2) {
        return;
    }
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    size_t shown = add_processes(table, r);
    char *heading = shown < count ? mem_format("Processes (the %zu of %s with most allocations)",
                                               shown, units_count(count).s)
                                  : mem_text("Processes");
    page_heading(page, heading);
    free(heading);
    page_say(page, "Indented: started by the process above. (fork): a copy of its parent that ran "
                   "no program of its own.");
    page_table(page, table);
}

static void add_slow_call(struct table *table, const struct report *r, struct site_stack *stack,
                          const struct profile_slow_call *slow)
{
    size_t shown;
    char *title = site_title(r, stack, slow->site, &shown);
    char *thread = mem_format("%" PRIu32, slow->thread);
    table_add(table, units_ns(latency_net(slow->ns, 1, r->profile->run.clock_cost_ps)).s);
    table_add(table, hook_call_name(slow->call));
    table_add(table, slow->size != 0 ? units_bytes(slow->size).s : "-");
    table_add(table, units_ns(slow->at_ns).s);
    table_add(table, thread);
    table_add(table, title);
    free(thread);
    free(title);
}

static void print_slow_calls(const struct report *r, const struct page *page)
{
    static const struct table_column columns[] = {
        {"took", TABLE_NUMBER},        {"function", TABLE_WORD}, {"size", TABLE_NUMBER},
        {"after start", TABLE_NUMBER}, {"thread", TABLE_NUMBER}, {"where", TABLE_NAME}};
    const struct profile *p = r->profile;
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    struct site_stack stack = {0};
    size_t rows = 0;
    for (size_t i = 0; is_timed(r) && i < p->slow_calls.count && rows < SLOW_CALLS_SHOWN; i++) {
        if (r->selection->is_kept[p->slow_calls.at[i].site]) {
            add_slow_call(table, r, &stack, &p->slow_calls.at[i]);
            rows++;
        }
    }
    site_stack_finish(&stack);
    if (rows == 0) {
        table_destroy(table);
        return;
    }
    page_heading(page, "Slowest calls");
    page_table(page, table);
}

/* file as a shell takes it: quoted where it has to be. */
static char *shell_word(const char *file)
{
    if (file[0] != '\0' && strspn(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_./+:@%,-") == strlen(file)) {
        return mem_text(file);
    }
    char *quoted = mem_zero(strlen(file) * 4 + 3, 1);
    char *at = stpcpy(quoted, "'");
    for (; *file != '\0'; file++) {
        at = *file == '\'' ? stpcpy(at, "'\\''") : (*at = *file, at + 1);
    }
    stpcpy(at, "'");
    return quoted;
}

static void print_next(const struct report *r, const struct page *page)
{
    static const struct {
        const char *command;
        const char *rest;
        const char *shows;
    } next[] = {
        {"report", " --callers", "who calls each allocating function"},
        {"report", " --tree", "the program's calls from main inwards"},
        {"report", " --source", "the lines of source that allocate"},
        {"report", " --sort=peak", "what memory was held at the peak"},
        {"report", " --sort=time", "where the allocator's time went"},
        {"advise", "", "what to do about it, with evidence"},
        {"compare", " OTHER.atrap", "this run beside another, after a change"},
    };
    char *file = shell_word(r->file);
    page_heading(page, "What to look at next");
    unsigned column = 0;
    char *commands[sizeof next / sizeof next[0]];
    for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
        commands[i] = mem_format("alloctrap %s %s%s", next[i].command, file, next[i].rest);
        unsigned width = table_text_width(commands[i]);
        column = width > column ? width : column;
    }
    for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
        page_command(page, commands[i], column, next[i].shows);
        free(commands[i]);
    }
    free(file);
}

void report_print(const struct report *report, const struct page *page)
{
    print_head(report, page);
    if (report->shape == REPORT_SOURCE) {
        report_print_source(report, page);
        return;
    }
    if (report->shape == REPORT_LATENCY) {
        report_print_latency(report, page);
        return;
    }
    if (report->shape != REPORT_SITES) {
        report_print_tree(report, page);
        return;
    }
    print_summary(report, page);
    print_functions(report, page);
    report_print_allocating(report, page);
    print_sites(report, page);
    print_processes(report, page);
    print_slow_calls(report, page);
    report_print_findings(report, page);
    print_next(report, page);
}
