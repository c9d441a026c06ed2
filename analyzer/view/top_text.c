#include "view/top.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/table.h"
#include "base/units.h"
#include "insight/site_callers.h"
#include "view/report.h"

enum { NUMBERS_WIDTH = 46 /* what the columns before the call site take */, CALLERS_LEAST = 24 };

static const char *const key_names[LIVE_WATCH_KEYS] = {"allocations", "bytes", "time", "p99"};

bool top_key_parse(const char *name, enum live_watch_key *ret)
{
    for (int key = 0; key < LIVE_WATCH_KEYS; key++) {
        if (strcmp(name, key_names[key]) == 0) {
            *ret = (enum live_watch_key)key;
            return true;
        }
    }
    return false;
}

/* One line, cut to the width; text is raw and freed. */
static void print_line(FILE *out, unsigned width, char *text)
{
    char *escaped = escape_terminal(text);
    char *cut = table_cut(escaped, width);
    fprintf(out, "%s\n", cut);
    free(cut);
    free(escaped);
    free(text);
}

static uint64_t rate(const struct live_watch *watch, enum live_watch_key key)
{
    return live_watch_value(watch, NULL, key, LIVE_WATCH_RATE);
}

/* The process that was there first stands for the run. */
static const struct live_session *first_session(const struct live_watch *watch)
{
    const struct live_session *first = NULL;
    for (size_t i = 0; i < watch->sessions.count; i++) {
        const struct live_session *one = watch->sessions.at[i];
        if (first == NULL || one->head->start_ns < first->head->start_ns) {
            first = one;
        }
    }
    return first;
}

static char *title_text(const struct top_view *view)
{
    char command[SESSION_COMMAND_BYTES + 1] = "(no process yet)";
    const struct live_watch *watch = view->watch;
    const struct live_session *first = first_session(watch);
    if (first != NULL) {
        live_session_command(first, command, sizeof command);
    }
    char *text = report_command_text(command);
    const char *state = view->is_paused ? "PAUSED" : watch->is_over ? "ENDED" : "running";
    char *title = mem_format("alloctrap top  %s  %s", state, text);
    free(text);
    return title;
}

static char *rates_text(const struct live_watch *watch)
{
    uint64_t ns_per_s = rate(watch, LIVE_WATCH_TIME);
    char *share = watch->now.ns == 0
                      ? mem_text("time not measured")
                      : mem_format("%s each second in the allocator", units_ns(ns_per_s).s);
    char *text = mem_format("now    %s allocations/s   %s/s   %s",
                            units_short(rate(watch, LIVE_WATCH_ALLOCATIONS)).s,
                            units_bytes(rate(watch, LIVE_WATCH_BYTES)).s, share);
    free(share);
    return text;
}

static char *memory_text(const struct live_watch *watch)
{
    const struct live_gauge *gauge = &watch->gauge;
    if (gauge->told_ns == 0) {
        return mem_text("live   not told by this recorder yet");
    }
    return mem_format("live   %s in %s blocks   peak %s   resident %s",
                      units_bytes(gauge->live_bytes).s, units_count(gauge->live_blocks).s,
                      units_bytes(gauge->peak_bytes).s, units_bytes(gauge->resident_bytes).s);
}

static char *latency_text(const struct live_watch *watch)
{
    const struct hist *hist = &watch->latency;
    if (watch->now.ns == 0 || hist->count == 0) {
        return mem_text("calls  no latency to tell");
    }
    return mem_format("calls  p50 %s   p90 %s   p99 %s   p99.9 %s   (of the latest %s)",
                      units_ns(live_watch_latency(watch, hist, 5000)).s,
                      units_ns(live_watch_latency(watch, hist, 9000)).s,
                      units_ns(live_watch_latency(watch, hist, 9900)).s,
                      units_ns(live_watch_latency(watch, hist, 9990)).s,
                      units_count(hist->count).s);
}

static char *total_text(const struct live_watch *watch)
{
    char *lost = watch->lost != 0 ? mem_format("LOST %s events", units_count(watch->lost).s)
                                  : mem_text("nothing lost");
    char *text = mem_format(
        "total  %s allocations   %s   %" PRIu32 " process%s, %" PRIu32 " thread%s   %s",
        units_count(watch->now.allocs).s, units_bytes(watch->now.bytes).s, watch->processes,
        watch->processes == 1 ? "" : "es", watch->threads, watch->threads == 1 ? "" : "s", lost);
    free(lost);
    return text;
}

/* The sites of a screen, and what tells them apart. */
struct listing {
    struct top_view *view;
    struct site_stack stack;
    struct site_callers_list callers;
    unsigned where_width;
};

static size_t load_site(struct listing *l, uint32_t id)
{
    struct live_watch *watch = l->view->watch;
    site_stack_load(&l->stack, watch->names, live_watch_path(watch, id));
    return site_stack_shown(&l->stack, &l->view->wrappers);
}

/* The callers that tell a site from the others: "g < h < ... < main". */
static char *callers_text(struct listing *l, size_t shown)
{
    struct site_callers callers = site_callers_of(&l->callers, &l->stack, shown);
    char *text = mem_text("");
    for (size_t i = 0; i < callers.count; i++) {
        char *caller = site_function(&l->stack.at[callers.at[i]]);
        bool has_gap = callers.left_out != 0 && i + 1 == callers.count;
        char *more = mem_format("%s%s < %s", text, has_gap ? " < ..." : "", caller);
        free(caller);
        free(text);
        text = more;
    }
    return text;
}

/* "f at x.c:3 < g < h": the site whole, its callers cut in their middle. */
static char *where_text(struct listing *l, uint32_t id)
{
    size_t shown = load_site(l, id);
    if (l->stack.count == 0) {
        return mem_text("(call path not kept)");
    }
    char *label = site_label(&l->stack.at[shown]);
    char *callers = callers_text(l, shown);
    unsigned used = table_text_width(label);
    unsigned left = used < l->where_width ? l->where_width - used : 0;
    char *cut = table_cut(callers, left > CALLERS_LEAST ? left : CALLERS_LEAST);
    char *text = mem_format("%s%s", label, cut);
    free(cut);
    free(callers);
    free(label);
    return text;
}

static void add_site(struct table *table, struct listing *l, uint32_t id)
{
    const struct live_watch *watch = l->view->watch;
    const struct live_watch_site *site = &watch->sites.at[id];
    enum live_watch_span span = l->view->span;
    bool has_latency = site->now.ns != 0 && site->latency.count != 0;
    uint64_t allocs = live_watch_value(watch, site, LIVE_WATCH_ALLOCATIONS, span);
    table_add(table, span == LIVE_WATCH_RATE ? units_short(allocs).s : units_count(allocs).s);
    table_add(table, units_bytes(live_watch_value(watch, site, LIVE_WATCH_BYTES, span)).s);
    table_add(table, units_ns(live_watch_value(watch, site, LIVE_WATCH_TIME, span)).s);
    table_add(table,
              has_latency ? units_ns(live_watch_value(watch, site, LIVE_WATCH_P99, span)).s : "-");
    char *where = where_text(l, id);
    table_add(table, where);
    free(where);
}

/* Lines of text, at most `rows` of them. */
static void print_some(FILE *out, const char *text, unsigned rows)
{
    for (unsigned row = 0; row < rows && *text != '\0'; row++) {
        size_t length = strcspn(text, "\n");
        fprintf(out, "%.*s\n", (int)length, text);
        text += length + (text[length] != '\0');
    }
}

static void print_sites(struct top_view *view, FILE *out, unsigned width, unsigned rows)
{
    bool is_rate = view->span == LIVE_WATCH_RATE;
    const struct table_column columns[] = {{is_rate ? "allocs/s" : "allocations", TABLE_NUMBER},
                                           {is_rate ? "bytes/s" : "bytes", TABLE_NUMBER},
                                           {is_rate ? "time/s" : "time", TABLE_NUMBER},
                                           {"p99", TABLE_NUMBER},
                                           {"call site", TABLE_NAME}};
    uint32_t *sites = NULL;
    size_t count = live_watch_rank(view->watch, view->key, view->span, view->first + rows, &sites);
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    struct listing l = {.view = view};
    l.where_width = width > NUMBERS_WIDTH ? width - NUMBERS_WIDTH : 0;
    for (size_t i = view->first; i < count; i++) {
        size_t shown = load_site(&l, sites[i]);
        site_callers_add(&l.callers, &l.stack, shown);
    }
    for (size_t i = view->first; i < count; i++) {
        add_site(table, &l, sites[i]);
    }
    char *text = NULL;
    size_t length = 0;
    FILE *lines = open_memstream(&text, &length);
    if (lines != NULL) {
        table_print_text(table, lines, width);
        fclose(lines);
        print_some(out, text, rows);
    }
    free(text);
    site_callers_finish(&l.callers);
    site_stack_finish(&l.stack);
    table_destroy(table);
    free(sites);
}

static void print_help(FILE *out, unsigned width)
{
    static const char *const lines[] = {
        "",
        "  a b t p      sort by allocations, bytes, time in the allocator, p99",
        "  r            each second, or since the start",
        "  space        pause, and go on",
        "  + -          look more often, less often",
        "  down up      scroll the call sites",
        "  q            end; the program and its recorder go on",
        "  h ?          this, and back",
        "",
        "  Counts and bytes are the session's exact counters. Latencies are of the latest calls",
        "  since the last look, 16,384 a thread at most. Live memory is what the recorder knows."};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        print_line(out, width, mem_text(lines[i]));
    }
}

void top_print(struct top_view *view, FILE *out, unsigned width, unsigned rows)
{
    const struct live_watch *watch = view->watch;
    print_line(out, width, title_text(view));
    print_line(out, width, rates_text(watch));
    print_line(out, width, memory_text(watch));
    print_line(out, width, latency_text(watch));
    print_line(out, width, total_text(watch));
    if (view->wants_help) {
        print_help(out, width);
    } else {
        unsigned head = TOP_HEAD_LINES - 1;
        print_sites(view, out, width, rows > head ? rows - head : 1);
    }
}
