#include "view/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "insight/site_callers.h"
#include "insight/site_name.h"
#include "view/report.h"
#include "view/site_notes.h"

typedef struct units_text format_value(uint64_t value);
typedef struct units_text format_change(uint64_t before, uint64_t after);

/* One line of the totals: how its numbers look and what more and less of it are called. */
struct line {
    const char *what;
    format_value *value;
    format_change *change;
    const char *fewer;
    const char *more;
};

enum line_kind { LINE_COUNT, LINE_BYTES, LINE_TIME, LINE_LATENCY };

static struct line line_of(const char *what, enum line_kind kind)
{
    static const struct line kinds[] = {
        [LINE_COUNT] = {NULL, units_count, units_count_change, "fewer", "more"},
        [LINE_BYTES] = {NULL, units_bytes, units_bytes_change, "less", "more"},
        [LINE_TIME] = {NULL, units_ns, units_ns_change, "less", "more"},
        [LINE_LATENCY] = {NULL, units_ns, units_ns_change, "faster", "slower"},
    };
    struct line line = kinds[kind];
    line.what = what;
    return line;
}

static void add_line(struct table *table, struct line line, uint64_t before, uint64_t after)
{
    table_add(table, line.what);
    table_add(table, line.value(before).s);
    table_add(table, line.value(after).s);
    table_add(table, line.change(before, after).s);
    table_add(table, units_ratio(before, after, line.fewer, line.more).s);
}

static bool has_lives(const struct comparison *c)
{
    return !c->before.profile->run.counters_only && !c->after.profile->run.counters_only;
}

/* Recorded with --latency=off, no call has a time. */
static bool has_times(const struct comparison *c)
{
    return c->before.profile->totals.ns != 0 && c->after.profile->totals.ns != 0;
}

/* Part for part of whole, rounded; 0 of nothing. */
static uint64_t each(uint64_t value, uint64_t count)
{
    return count != 0 ? (uint64_t)((double)value / (double)count + 0.5) : 0;
}

static void add_per_unit(struct table *table, const char *what, const struct comparison *c,
                         uint64_t before, uint64_t after)
{
    const char *unit = c->after.unit_name[0] != '\0' ? c->after.unit_name : "unit";
    char *title = mem_format("%s per %s", what, unit);
    double of_before = (double)before / (double)c->before.units;
    double of_after = (double)after / (double)c->after.units;
    /* Millionths, so that a ratio of small numbers is a true one. */
    const uint64_t fine = 1000000;
    uint64_t fine_before = (uint64_t)(of_before * (double)fine + 0.5);
    uint64_t fine_after = (uint64_t)(of_after * (double)fine + 0.5);
    struct units_text change = units_per(
        fine_after > fine_before ? fine_after - fine_before : fine_before - fine_after, fine);
    char *change_text = mem_format("%s%s",
                                   fine_after > fine_before   ? "+"
                                   : fine_after < fine_before ? "-"
                                                              : "",
                                   change.s);
    table_add(table, title);
    table_add(table, units_per(before, c->before.units).s);
    table_add(table, units_per(after, c->after.units).s);
    table_add(table, fine_after == fine_before ? "0" : change_text);
    table_add(table, units_ratio(fine_before, fine_after, "fewer", "more").s);
    free(change_text);
    free(title);
}

static void add_units(struct table *table, const struct comparison *c)
{
    if (c->before.units == 0 || c->after.units == 0) {
        return;
    }
    const struct profile_totals *b = &c->before.profile->totals;
    const struct profile_totals *a = &c->after.profile->totals;
    add_per_unit(table, "allocations", c, b->allocs, a->allocs);
    add_per_unit(table, "bytes", c, b->bytes, a->bytes);
    if (has_times(c)) {
        add_per_unit(table, "allocator ns", c, c->before.ns, c->after.ns);
    }
}

static void print_totals(const struct compare_view *view, const struct page *page)
{
    static const struct table_column columns[] = {{"", TABLE_WORD},
                                                  {"before", TABLE_NUMBER},
                                                  {"after", TABLE_NUMBER},
                                                  {"difference", TABLE_NUMBER},
                                                  {"that is", TABLE_WORD}};
    const struct comparison *c = view->comparison;
    const struct profile_totals *b = &c->before.profile->totals;
    const struct profile_totals *a = &c->after.profile->totals;
    struct table *table = table_create(columns, 5);
    add_line(table, line_of("allocations", LINE_COUNT), b->allocs, a->allocs);
    add_line(table, line_of("allocated bytes", LINE_BYTES), b->bytes, a->bytes);
    add_line(table, line_of("bytes per allocation", LINE_BYTES), each(b->bytes, b->allocs),
             each(a->bytes, a->allocs));
    if (has_lives(c)) {
        add_line(table, line_of("temporary", LINE_COUNT), b->temporaries, a->temporaries);
        add_line(table, line_of("peak memory", LINE_BYTES), b->peak_bytes, a->peak_bytes);
        add_line(table, line_of("live at end", LINE_BYTES), b->live_bytes, a->live_bytes);
    }
    if (has_times(c)) {
        add_line(table, line_of("allocator time", LINE_TIME), c->before.ns, c->after.ns);
    }
    uint64_t took_before = c->before.profile->run.duration_ns;
    uint64_t took_after = c->after.profile->run.duration_ns;
    if (took_before != 0 && took_after != 0) { /* a recovered recording does not know */
        add_line(table, line_of("duration, recorded", LINE_LATENCY), took_before, took_after);
    }
    add_units(table, c);
    page_heading(page, "Totals");
    page_say(page, "Temporary: freed by the same thread before it allocated again. Allocator time: "
                   "inside malloc, free and their kin, without the cost of reading the clock.");
    page_say(page, "The duration is the recorded run's: recording costs time with every call, so "
                   "without it both runs are shorter.");
    page_table(page, table);
}

/* One side may have too few calls for a percentile: its place stays empty, and nothing compares. */
static void add_percentile(struct table *table, const struct comparison *c, unsigned call,
                           const char *what, unsigned per_ten_thousand, uint64_t before,
                           uint64_t after)
{
    bool has_before =
        latency_can_tell(c->before.profile->call_latency[call].count, per_ten_thousand);
    bool has_after = latency_can_tell(c->after.profile->call_latency[call].count, per_ten_thousand);
    if (has_before && has_after) {
        add_line(table, line_of(what, LINE_LATENCY), before, after);
    } else if (has_before || has_after) {
        table_add(table, what);
        table_add(table, has_before ? units_ns(before).s : "-");
        table_add(table, has_after ? units_ns(after).s : "-");
        table_add(table, "");
        table_add(table, has_before ? "too few calls after" : "too few calls before");
    }
}

static void add_function(struct table *table, const struct comparison *c, unsigned call)
{
    const struct latency *b = &c->before.calls[call];
    const struct latency *a = &c->after.calls[call];
    char *calls = mem_format("%s calls", hook_call_name(call));
    add_line(table, line_of(calls, LINE_COUNT), b->count, a->count);
    free(calls);
    if (b->count == 0 || a->count == 0 || !has_times(c)) {
        return; /* a time of no calls, or of none that was timed, compares with nothing */
    }
    add_percentile(table, c, call, "  p50", 5000, b->p50_ns, a->p50_ns);
    add_percentile(table, c, call, "  p99", 9900, b->p99_ns, a->p99_ns);
    add_percentile(table, c, call, "  p99.9", 9990, b->p999_ns, a->p999_ns);
    add_line(table, line_of("  max", LINE_LATENCY), b->max_ns, a->max_ns);
    add_line(table, line_of("  total", LINE_TIME), b->total_ns, a->total_ns);
}

static void print_functions(const struct compare_view *view, const struct page *page)
{
    static const struct table_column columns[] = {{"function", TABLE_WORD},
                                                  {"before", TABLE_NUMBER},
                                                  {"after", TABLE_NUMBER},
                                                  {"difference", TABLE_NUMBER},
                                                  {"that is", TABLE_WORD}};
    const struct comparison *c = view->comparison;
    struct table *table = table_create(columns, 5);
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (c->before.calls[i].count != 0 || c->after.calls[i].count != 0) {
            add_function(table, c, i);
        }
    }
    page_heading(page, "How long each call took");
    page_say(page, "p99: 99 of 100 calls took no longer; - where there were too few calls to say.");
    page_table(page, table);
}

/* The sites of a table, and what tells them apart. */
struct listing {
    const struct comparison *comparison;
    struct site_stack stack;
    struct site_callers_list callers;
};

/* The stack of a site, from the side that still has it; returns the frame to show. */
static size_t load_site(struct listing *l, const struct compare_site *site)
{
    bool is_gone = site->after.sites == 0;
    const struct compare_side *side = is_gone ? &l->comparison->before : &l->comparison->after;
    uint32_t id = is_gone ? site->before.site : site->after.site;
    site_stack_load(&l->stack, side->profile, side->profile->sites.at[id].path);
    return site_stack_shown(&l->stack, l->comparison->wrappers);
}

static void add_numbers(struct table *table, const struct compare_site *site)
{
    table_add(table, units_count(site->before.allocs).s);
    table_add(table, units_count(site->after.allocs).s);
    bool by_count = site->before.allocs != site->after.allocs;
    table_add(
        table,
        by_count
            ? units_ratio(site->before.allocs, site->after.allocs, "fewer", "more").s
            : units_ratio(site->before.bytes, site->after.bytes, "fewer bytes", "more bytes").s);
    table_add(table, units_bytes_change(site->before.bytes, site->after.bytes).s);
    table_add(table, units_ns_change(site->before.ns, site->after.ns).s);
}

/* Returns the frame whose label it is. */
static size_t add_label(struct table *table, struct listing *l, const struct compare_site *site)
{
    size_t shown = load_site(l, site);
    char *label = l->stack.count != 0 ? site_label(&l->stack.at[shown]) : mem_text("(remainder)");
    table_add(table, label);
    free(label);
    return shown;
}

/* The sites of one kind of change, as many as are wanted, the most important first. */
static size_t choose_sites(const struct compare_view *view, enum compare_change change,
                           const struct compare_site **ret_sites)
{
    const struct comparison *c = view->comparison;
    size_t count = 0;
    for (size_t i = 0; i < c->sites.count && (view->top == 0 || count < view->top); i++) {
        if (c->sites.at[i].change == change) {
            ret_sites[count++] = &c->sites.at[i];
        }
    }
    return count;
}

static struct table *list_sites(struct listing *l, const struct compare_site **sites, size_t count)
{
    static const struct table_column columns[] = {
        {"before", TABLE_NUMBER}, {"after", TABLE_NUMBER}, {"that is", TABLE_NUMBER},
        {"bytes", TABLE_NUMBER},  {"time", TABLE_NUMBER},  {"where", TABLE_NAME}};
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < count; i++) {
        size_t shown = load_site(l, sites[i]);
        site_callers_add(&l->callers, &l->stack, shown);
    }
    for (size_t i = 0; i < count; i++) {
        add_numbers(table, sites[i]);
        size_t shown = add_label(table, l, sites[i]);
        site_notes_add(table, &l->callers, &l->stack, shown);
    }
    site_callers_finish(&l->callers);
    site_stack_finish(&l->stack);
    return table;
}

static void print_change(const struct compare_view *view, const struct page *page,
                         enum compare_change change, const char *title)
{
    const struct comparison *c = view->comparison;
    uint32_t count = c->counts[change];
    if (count == 0) {
        return;
    }
    const struct compare_site **sites = mem_zero(count, sizeof(const struct compare_site *));
    size_t rows = choose_sites(view, change, sites);
    struct listing l = {.comparison = c};
    struct table *table = list_sites(&l, sites, rows);
    free(sites);
    char *heading = rows < count ? mem_format("%s (%zu of %s)", title, rows, units_count(count).s)
                                 : mem_format("%s (%s)", title, units_count(count).s);
    page_heading(page, heading);
    free(heading);
    page_table(page, table);
}

/* The same by allocating function: the shortest answer to "where?". */
static void print_allocating(const struct compare_view *view, const struct page *page)
{
    static const struct table_column columns[] = {
        {"before", TABLE_NUMBER}, {"after", TABLE_NUMBER}, {"that is", TABLE_NUMBER},
        {"bytes", TABLE_NUMBER},  {"time", TABLE_NUMBER},  {"function", TABLE_NAME}};
    const struct comparison *c = view->comparison;
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    struct listing l = {.comparison = c};
    size_t changed = 0;
    for (size_t i = 0; i < c->functions.count; i++) {
        bool is_same = c->functions.at[i].change == COMPARE_SAME;
        if (!is_same && (view->top == 0 || changed < view->top)) {
            add_numbers(table, &c->functions.at[i]);
            add_label(table, &l, &c->functions.at[i]);
        }
        changed += !is_same;
    }
    site_stack_finish(&l.stack);
    if (changed == 0) {
        table_destroy(table);
        return;
    }
    size_t rows = table_rows(table);
    char *heading = rows < changed
                        ? mem_format("Functions that made the difference (%zu of %s)", rows,
                                     units_count(changed).s)
                        : mem_format("Functions that made the difference (%zu)", changed);
    page_heading(page, heading);
    free(heading);
    page_say(page, "Allocations by the innermost function outside the allocator and its wrappers, "
                   "whoever called it.");
    page_table(page, table);
}

static void print_sites(const struct compare_view *view, const struct page *page)
{
    print_change(view, page, COMPARE_VANISHED, "Call sites that are gone");
    print_change(view, page, COMPARE_APPEARED, "Call sites that are new");
    print_change(view, page, COMPARE_SHRANK, "Call sites that allocate less");
    print_change(view, page, COMPARE_GREW, "Call sites that allocate more");
    uint32_t same = view->comparison->counts[COMPARE_SAME];
    if (same != 0) {
        fputs(page->form == PAGE_TEXT ? "\n" : "", page->out);
        page_say(page, "%s call site%s the same on both sides.", units_count(same).s,
                 same == 1 ? " is" : "s are");
    }
}

/* "98.4 % fewer" or, beyond a doubling, "3.1x as many". */
static char *allocations_words(uint64_t before, uint64_t after)
{
    if (before == after) {
        return mem_format("as many allocations as BEFORE (%s)", units_count(after).s);
    }
    const char *word = after < before ? "fewer" : "more";
    char *change = after <= before
                       ? mem_format("%s %s", units_share(before - after, before).s, word)
                   : before != 0 && after < 2 * before
                       ? mem_format("%s %s", units_share(after - before, before).s, word)
                       : mem_text(units_ratio(before, after, "fewer", "more").s);
    char *words = before == 0
                      ? mem_format("%s allocations where BEFORE made none", units_short(after).s)
                      : mem_format("%s allocations (%s -> %s)", change, units_short(before).s,
                                   units_short(after).s);
    free(change);
    return words;
}

static void print_conclusion(const struct compare_view *view, const struct page *page)
{
    const struct comparison *c = view->comparison;
    char *words =
        allocations_words(c->before.profile->totals.allocs, c->after.profile->totals.allocs);
    uint64_t b = c->before.ns;
    uint64_t a = c->after.ns;
    char *time = !has_times(c) ? mem_text("")
                 : a == b      ? mem_text(" and spends as long in the allocator")
                               : mem_format(" and spends %s %s in the allocator",
                                            units_ns(a < b ? b - a : a - b).s, a < b ? "less" : "more");
    page_say(page, "AFTER makes %s%s.", words, time);
    free(time);
    free(words);
}

static void print_side(const struct page *page, const char *name, const char *what,
                       const struct profile *p)
{
    char *command = report_command_text(p->run.command);
    char *loss = report_loss_text(p);
    page_say(page, "%s is %s (%s): %s", name, what,
             p->run.duration_ns != 0 ? units_ns(p->run.duration_ns).s : "unknown duration",
             command);
    if (loss[0] != '\0') {
        page_warn(page, "%s: %s", name, loss);
    }
    free(loss);
    free(command);
}

void compare_print(const struct compare_view *view, const struct page *page)
{
    print_conclusion(view, page);
    fputs(page->form == PAGE_TEXT ? "\n" : "", page->out);
    print_side(page, "BEFORE", view->before, view->comparison->before.profile);
    print_side(page, "AFTER", view->after, view->comparison->after.profile);
    print_totals(view, page);
    print_allocating(view, page);
    print_functions(view, page);
    print_sites(view, page);
}
