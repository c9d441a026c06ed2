#include "view/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "insight/site_name.h"
#include "view/report.h"

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
    /* Thousandths, so that a ratio of small numbers is a true one. */
    uint64_t fine_before = (uint64_t)(of_before * 1000 + 0.5);
    uint64_t fine_after = (uint64_t)(of_after * 1000 + 0.5);
    struct units_text change = units_per(
        fine_after > fine_before ? fine_after - fine_before : fine_before - fine_after, 1000);
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
    add_per_unit(table, "allocator ns", c, c->before.ns, c->after.ns);
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
    add_line(table, line_of("allocator time", LINE_TIME), c->before.ns, c->after.ns);
    add_line(table, line_of("duration of the run", LINE_LATENCY),
             c->before.profile->run.duration_ns, c->after.profile->run.duration_ns);
    add_units(table, c);
    page_heading(page, "Totals");
    page_say(page, "Temporary: freed by the same thread before it allocated again. Allocator time: "
                   "inside malloc, free and their kin, without the cost of reading the clock.");
    page_table(page, table);
}

static void add_function(struct table *table, const struct comparison *c, unsigned call)
{
    const struct latency *b = &c->before.calls[call];
    const struct latency *a = &c->after.calls[call];
    const struct {
        const char *what;
        uint64_t before;
        uint64_t after;
    } times[] = {{"p50", b->p50_ns, a->p50_ns},
                 {"p99", b->p99_ns, a->p99_ns},
                 {"p99.9", b->p999_ns, a->p999_ns},
                 {"max", b->max_ns, a->max_ns},
                 {"total", b->total_ns, a->total_ns}};
    char *calls = mem_format("%s calls", hook_call_name(call));
    add_line(table, line_of(calls, LINE_COUNT), b->count, a->count);
    free(calls);
    if (b->count == 0 || a->count == 0) {
        return; /* a time of no calls compares with nothing */
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char *what = mem_format("  %s", times[i].what);
        add_line(table, line_of(what, LINE_LATENCY), times[i].before, times[i].after);
        free(what);
    }
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
    page_say(page, "p99: 99 of 100 calls took no longer.");
    page_table(page, table);
}

static void add_site(struct table *table, const struct comparison *c, struct site_stack *stack,
                     const struct compare_site *site)
{
    bool is_gone = site->after.sites == 0;
    const struct profile *p = is_gone ? c->before.profile : c->after.profile;
    uint32_t id = is_gone ? site->before.site : site->after.site;
    site_stack_load(stack, p, p->sites.at[id].path);
    size_t shown = site_stack_shown(stack, c->wrappers);
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
    char *label = stack->count != 0 ? site_label(&stack->at[shown]) : mem_text("(remainder)");
    table_add(table, label);
    free(label);
    if (stack->count > shown + 1) {
        char *caller = site_label(&stack->at[shown + 1]);
        char *note = mem_format("called by %s", caller);
        table_note(table, note);
        free(note);
        free(caller);
    }
}

static void print_change(const struct compare_view *view, const struct page *page,
                         enum compare_change change, const char *title)
{
    static const struct table_column columns[] = {
        {"before", TABLE_NUMBER}, {"after", TABLE_NUMBER}, {"that is", TABLE_NUMBER},
        {"bytes", TABLE_NUMBER},  {"time", TABLE_NUMBER},  {"where", TABLE_NAME}};
    const struct comparison *c = view->comparison;
    uint32_t count = c->counts[change];
    if (count == 0) {
        return;
    }
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    struct site_stack stack = {0};
    size_t rows = 0;
    for (size_t i = 0; i < c->sites.count && (view->top == 0 || rows < view->top); i++) {
        if (c->sites.at[i].change == change) {
            add_site(table, c, &stack, &c->sites.at[i]);
            rows++;
        }
    }
    site_stack_finish(&stack);
    char *heading = rows < count ? mem_format("%s (%zu of %s)", title, rows, units_count(count).s)
                                 : mem_format("%s (%s)", title, units_count(count).s);
    page_heading(page, heading);
    free(heading);
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
    char *time = a == b ? mem_text("as long in the allocator")
                        : mem_format("%s %s in the allocator", units_ns(a < b ? b - a : a - b).s,
                                     a < b ? "less" : "more");
    page_say(page, "AFTER makes %s and spends %s.", words, time);
    free(time);
    free(words);
}

static void print_side(const struct page *page, const char *name, const char *what,
                       const struct profile *p)
{
    char *command = report_command_text(p->run.command);
    char *loss = report_loss_text(p);
    page_say(page, "%s is %s (%s): %s", name, what, units_ns(p->run.duration_ns).s, command);
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
    print_functions(view, page);
    print_sites(view, page);
}
