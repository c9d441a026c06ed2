#include "budget/budget_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "heap/id_map.h"

/* Which spans belong to a window. */
struct choice {
    const struct profile *profile;
    const struct policy_window *window;
    bool *is_meant; /* for each span */
    bool is_from_start;
    char *trouble;
};

static bool is_mark(const struct profile_span *span)
{
    return span->kind == PROFILE_MARK || span->kind == PROFILE_MARK_REST;
}

char *budget_rows_skip_name(uint64_t ns)
{
    return mem_format("at %" PRIu64 " ns", ns);
}

/* The first mark of a name at or after a span; spans.count when there is none. */
static size_t find_mark(const struct profile *p, const char *name, size_t from)
{
    size_t at = from;
    while (at < p->spans.count &&
           !(is_mark(&p->spans.at[at]) && strcmp(p->spans.at[at].name, name) == 0)) {
        at += 1;
    }
    return at;
}

static char *no_mark(const struct profile *p, const struct policy_window *w, const char *name)
{
    if (w->skip_ns != 0 && name != w->until_mark) {
        return mem_format("the recording has no mark at %s; record it with --mark-at=%" PRIu64 "ns",
                          units_ns(w->skip_ns).s, w->skip_ns);
    }
    return mem_format("the recording has no mark '%s'%s", name,
                      p->spans.count == 0 ? ", and no other" : " where the window wants it");
}

/* The spans of the marks that a window begins and ends at; spans.count: at the start, the end. */
struct bounds {
    size_t after;
    size_t until;
    char *trouble;
};

static struct bounds find_bounds(const struct profile *p, const struct policy_window *w)
{
    struct bounds bounds = {p->spans.count, p->spans.count, NULL};
    char *skip = w->skip_ns != 0 ? budget_rows_skip_name(w->skip_ns) : NULL;
    const char *after = skip != NULL ? skip : w->after_mark;
    if (after != NULL) {
        bounds.after = find_mark(p, after, 0);
        bounds.trouble = bounds.after == p->spans.count ? no_mark(p, w, after) : NULL;
    }
    if (w->until_mark != NULL && bounds.trouble == NULL) {
        bounds.until = find_mark(p, w->until_mark, after != NULL ? bounds.after + 1 : 0);
        bounds.trouble = bounds.until == p->spans.count ? no_mark(p, w, w->until_mark) : NULL;
    }
    free(skip);
    return bounds;
}

static void choose_marks(struct choice *c)
{
    const struct profile *p = c->profile;
    const struct policy_window *w = c->window;
    struct bounds bounds = find_bounds(p, w);
    c->is_from_start = w->after_mark == NULL && w->skip_ns == 0;
    c->trouble = bounds.trouble;
    size_t end = bounds.until;
    for (size_t i = c->is_from_start ? 0 : bounds.after; i < end && c->trouble == NULL; i++) {
        c->is_meant[i] = is_mark(&p->spans.at[i]);
        if (p->spans.at[i].kind == PROFILE_MARK_REST && w->until_mark != NULL) {
            c->trouble = mem_format("there were more marks than a recording keeps (%d); a phase is "
                                    "for what comes again and again",
                                    PROFILE_MARKS_MAX);
        }
    }
}

uint64_t budget_rows_units(const struct profile *profile, const struct policy_window *window,
                           char **ret_trouble)
{
    struct bounds bounds = find_bounds(profile, window);
    size_t count = profile->spans.count;
    *ret_trouble = bounds.trouble;
    if (bounds.trouble != NULL) {
        return 0;
    }
    if (window->skip_ns != 0 || window->phase != NULL || window->zone != NULL) {
        *ret_trouble = mem_text("units are told for the run and between the program's own marks");
        return 0;
    }
    uint64_t end =
        bounds.until < count ? profile->spans.at[bounds.until].units : profile->run.units;
    uint64_t begin = bounds.after < count ? profile->spans.at[bounds.after].units : 0;
    return end > begin ? end - begin : 0;
}

static void choose_phase(struct choice *c, uint32_t kind, const char *name)
{
    bool is_found = false;
    for (size_t i = 0; i < c->profile->spans.count; i++) {
        const struct profile_span *span = &c->profile->spans.at[i];
        c->is_meant[i] = span->kind == kind && strcmp(span->name, name) == 0;
        is_found = is_found || c->is_meant[i];
    }
    if (!is_found && kind == PROFILE_PHASE) {
        c->trouble = mem_format("the recording has no phase '%s'", name);
    }
}

/* Rows under construction: each (site, call) once, its histogram a copy. */
struct builder {
    struct budget_rows *rows;
    struct id_map map;
};

static struct budget_row *row_of(struct builder *b, uint32_t site, uint8_t call)
{
    uint32_t id = id_map_find(&b->map, site, call);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)b->rows->at.count;
        *MEM_PUSH(&b->rows->at) = (struct budget_row){.site = site, .call = call};
        id_map_put(&b->map, site, call, id);
    }
    return &b->rows->at.at[id];
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static void take_off(struct profile_calls *from, const struct profile_calls *what)
{
    from->calls = minus(from->calls, what->calls);
    from->allocs = minus(from->allocs, what->allocs);
    from->frees = minus(from->frees, what->frees);
    from->failed = minus(from->failed, what->failed);
    from->bytes = minus(from->bytes, what->bytes);
    from->ns = minus(from->ns, what->ns);
}

static void add_whole(struct builder *b, const struct profile *p)
{
    for (size_t i = 0; i < p->site_calls.count; i++) {
        const struct profile_site_call *from = &p->site_calls.at[i];
        struct budget_row *row = row_of(b, from->site, from->call);
        profile_calls_add(&row->counts, &from->counts);
        hist_merge(&row->latency, &from->latency);
    }
}

/* Adds the spans that are meant, or takes off those that are not and would else be counted. */
static void use_spans(struct builder *b, const struct choice *c, bool is_taken_off)
{
    const struct profile *p = c->profile;
    for (size_t i = 0; i < p->span_calls.count; i++) {
        const struct profile_span_call *from = &p->span_calls.at[i];
        const struct profile_span *span = &p->spans.at[from->span];
        struct budget_row *row = NULL;
        if (!is_taken_off && c->is_meant[from->span]) {
            row = row_of(b, from->site, from->call);
            profile_calls_add(&row->counts, &from->counts);
            hist_merge(&row->latency, &from->latency);
        } else if (is_taken_off &&
                   (span->kind == PROFILE_PAUSE ||
                    (is_mark(span) && c->is_from_start && !c->is_meant[from->span]))) {
            row = row_of(b, from->site, from->call);
            take_off(&row->counts, &from->counts);
            hist_take_off(&row->latency, &from->latency);
            row->counts.ns_max = hist_max(&row->latency); /* the exact one may be what was cut */
        }
    }
}

static int by_site(const void *a, const void *b)
{
    const struct budget_row *x = a;
    const struct budget_row *y = b;
    if (x->site != y->site) {
        return x->site < y->site ? -1 : 1;
    }
    return (x->call > y->call) - (x->call < y->call);
}

static void index_rows(struct budget_rows *rows, size_t site_count)
{
    rows->first = mem_zero(site_count + 2, sizeof *rows->first);
    if (rows->at.count > 1) {
        qsort(rows->at.at, rows->at.count, sizeof *rows->at.at, by_site);
    }
    for (size_t i = 0; i < rows->at.count; i++) {
        rows->first[rows->at.at[i].site + 1] += 1;
    }
    for (size_t s = 0; s < site_count; s++) {
        rows->first[s + 1] += rows->first[s];
    }
}

void budget_rows_make(struct budget_rows *rows, const struct profile *profile,
                      const struct policy_window *window)
{
    *rows = (struct budget_rows){.trouble = NULL};
    struct builder builder = {.rows = rows};
    struct choice choice = {.profile = profile,
                            .window = window,
                            .is_meant = mem_zero(profile->spans.count + 1, sizeof(bool))};
    bool is_whole = !policy_window_is_set(window);
    if (window->phase != NULL) {
        choose_phase(&choice, PROFILE_PHASE, window->phase);
    } else if (window->zone != NULL) {
        choose_phase(&choice, PROFILE_FORBID, window->zone);
    } else if (!is_whole) {
        choose_marks(&choice);
    }
    if (choice.trouble == NULL && (is_whole || choice.is_from_start)) {
        add_whole(&builder, profile);
        use_spans(&builder, &choice, true);
    } else if (choice.trouble == NULL) {
        use_spans(&builder, &choice, false);
    }
    rows->trouble = choice.trouble;
    index_rows(rows, profile->sites.count);
    free(choice.is_meant);
    id_map_finish(&builder.map);
}

void budget_rows_finish(struct budget_rows *rows)
{
    for (size_t i = 0; i < rows->at.count; i++) {
        hist_finish(&rows->at.at[i].latency);
    }
    free(rows->at.at);
    free(rows->first);
    free(rows->trouble);
    *rows = (struct budget_rows){0};
}
