#include "view/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "insight/latency.h"
#include "insight/select.h"
#include "insight/source_fold.h"
#include "symbol/source_text.h"

enum { COLUMNS_MAX = 9, SMALL_PER_THOUSAND = 5 };

/* One file, and what stands beside its lines. */
struct listing {
    const struct report *report;
    const struct source_file *file;
    const char *path; /* here */
    struct source_text text;
    struct table *table;
};

static struct units_text key_text(enum rank_key key, uint64_t value)
{
    switch (key) {
    case RANK_BYTES:
    case RANK_PEAK:
    case RANK_LIVE:
        return units_bytes(value);
    case RANK_TIME:
        return units_ns(value);
    default:
        return units_short(value);
    }
}

static struct table *create_table(enum rank_key key)
{
    struct table_column columns[COLUMNS_MAX] = {{"self", TABLE_NUMBER}, {"total", TABLE_NUMBER}};
    size_t count = 2;
    if (key != RANK_ALLOCATIONS) {
        columns[count++] = (struct table_column){"allocs", TABLE_NUMBER};
    }
    if (key != RANK_BYTES) {
        columns[count++] = (struct table_column){"bytes", TABLE_NUMBER};
    }
    columns[count++] = (struct table_column){"temp.", TABLE_NUMBER};
    if (key != RANK_TIME) {
        columns[count++] = (struct table_column){"time", TABLE_NUMBER};
    }
    columns[count++] = (struct table_column){"p99", TABLE_NUMBER};
    columns[count++] = (struct table_column){"line", TABLE_NUMBER};
    columns[count++] = (struct table_column){"source", TABLE_CODE};
    return table_create(columns, count);
}

static void add_p99(struct table *table, const struct report *r, const struct source_numbers *n)
{
    bool is_told = !r->profile->run.counters_only && r->profile->totals.ns != 0 &&
                   latency_can_tell(n->latency.count, 9900);
    struct latency l = latency_of(&n->calls, &n->latency, r->profile->run.clock_cost_ps);
    table_add(table, is_told ? units_ns(l.p99_ns).s : "-");
}

/* The numbers beside a line, or blanks. */
static void add_numbers(struct table *table, const struct report *r, const struct source_line *line)
{
    if (line == NULL) {
        size_t blanks =
            r->key == RANK_ALLOCATIONS || r->key == RANK_BYTES || r->key == RANK_TIME ? 6 : 7;
        for (size_t i = 0; i < blanks; i++) {
            table_add(table, "");
        }
        return;
    }
    const uint64_t *self = line->self.values;
    const uint64_t *total = line->total.values;
    bool is_timed = select_is_timed(r->profile);
    table_add(table, self[r->key] != 0 ? key_text(r->key, self[r->key]).s : "");
    table_add(table, key_text(r->key, total[r->key]).s);
    if (r->key != RANK_ALLOCATIONS) {
        table_add(table, units_short(total[RANK_ALLOCATIONS]).s);
    }
    if (r->key != RANK_BYTES) {
        table_add(table, units_bytes(total[RANK_BYTES]).s);
    }
    table_add(table, r->profile->run.counters_only
                         ? "-"
                         : units_share(total[RANK_TEMPORARIES], total[RANK_ALLOCATIONS]).s);
    if (r->key != RANK_TIME) {
        table_add(table, is_timed ? units_ns(total[RANK_TIME]).s : "-");
    }
    add_p99(table, r, &line->total);
}

/* The line itself; without a text its function, where it is known. */
static char *line_text(const struct listing *l, const struct source_row *row)
{
    if (l->text.state == SOURCE_FINE && row->first <= l->text.line_count) {
        return source_text_line(&l->text, row->first);
    }
    const char *function = row->numbers->function;
    const char *where = l->text.state == SOURCE_FINE ? "(beyond the end of the file) " : "";
    return mem_format("%sin %s", where, function[0] != '\0' ? function : "a function unknown");
}

static char *fold_text(const struct listing *l, const struct source_row *row)
{
    char *with = row->left_out_with_numbers != 0
                     ? mem_format(", %zu with small numbers", row->left_out_with_numbers)
                     : mem_text("");
    char *text = l->text.state == SOURCE_FINE
                     ? mem_format("... (%s lines%s)", units_count(row->left_out).s, with)
                     : mem_format("... (%s lines with small numbers)",
                                  units_count(row->left_out_with_numbers).s);
    free(with);
    return text;
}

static void add_row(struct listing *l, const struct source_row *row)
{
    char *number = row->left_out != 0 ? mem_text("") : mem_format("%" PRIu32, row->first);
    char *text = row->left_out != 0 ? fold_text(l, row) : line_text(l, row);
    add_numbers(l->table, l->report, row->numbers);
    table_add(l->table, number);
    table_add(l->table, text);
    free(text);
    free(number);
}

/* What a reader must know before reading the lines. */
static void print_notes(const struct listing *l, const struct page *page)
{
    char *note = source_text_note(&l->text, l->path, l->file->module);
    const struct source_line *lines = &l->report->source->lines.at[l->file->first];
    if (note[0] != '\0') {
        page_warn(page, "%s.", note);
    } else if (strcmp(l->path, l->file->path) != 0) {
        page_say(page, "Shown is %s.", l->path);
    }
    uint64_t elsewhere =
        l->file->count != 0 && lines[0].line == 0 ? lines[0].total.values[l->report->key] : 0;
    if (elsewhere != 0) {
        page_say(page, "%s of it on lines that the debug information does not tell.",
                 key_text(l->report->key, elsewhere).s);
    }
    free(note);
}

static void print_file(const struct report *r, const struct page *page,
                       const struct source_file *file)
{
    enum rank_key key = r->key;
    struct source_times times = {.run_start_ns = r->profile->run.start_realtime_ns};
    struct listing l = {.report = r, .file = file, .table = create_table(key)};
    char *path = source_places_find(&r->places, file->path);
    char *module = source_places_find(&r->places, file->module);
    times.module = module;
    l.path = path;
    source_text_load(path, &times, &l.text);
    double least = r->top == 0 ? 1 : (double)r->source->all[key] * SMALL_PER_THOUSAND / 1000;
    struct source_rows rows =
        source_fold(&r->source->lines.at[file->first], file->count, l.text.line_count, key, least);
    for (size_t i = 0; i < rows.count; i++) {
        add_row(&l, &rows.at[i]);
    }
    page_heading(page, file->path);
    print_notes(&l, page);
    page_table(page, l.table);
    source_text_finish(&l.text);
    free(rows.at);
    free(module);
    free(path);
}

/* All files in one table, the way to choose one. */
static void print_files(const struct report *r, const struct page *page)
{
    static const struct table_column columns[] = {{"self", TABLE_NUMBER},
                                                  {"", TABLE_NUMBER},
                                                  {"total", TABLE_NUMBER},
                                                  {"", TABLE_NUMBER},
                                                  {"file", TABLE_NAME}};
    enum { FILES_SHOWN = 15 };
    const struct source_lines *s = r->source;
    size_t shown = r->top == 0 || s->files.count < FILES_SHOWN ? s->files.count : FILES_SHOWN;
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < shown; i++) {
        const struct source_file *file = &s->files.at[i];
        uint64_t self = file->self[r->key];
        table_add(table, self != 0 ? key_text(r->key, self).s : "");
        table_add(table, self != 0 ? units_share(self, s->all[r->key]).s : "");
        table_add(table, key_text(r->key, file->total[r->key]).s);
        table_add(table, units_share(file->total[r->key], s->all[r->key]).s);
        table_add(table, file->path);
    }
    char *heading = shown < s->files.count
                        ? mem_format("Source files that %s (%zu of %s)", report_key_words(r->key),
                                     shown, units_count(s->files.count).s)
                        : mem_format("Source files that %s", report_key_words(r->key));
    page_heading(page, heading);
    free(heading);
    page_say(page, "self: made by the line's own call, the call site as other reports show it; "
                   "total: below the line as well. Beside a line, all but self is of the total. "
                   "temp.: freed before the thread allocated again; p99: 99 of 100 calls took no "
                   "longer. Files that allocate themselves come first, then those that call them, "
                   "the nearest first.");
    uint64_t unknown = s->all[r->key] - s->with_line[r->key];
    if (unknown != 0) {
        page_say(page, "%s of all is at call sites whose source line is not known%s.",
                 units_share(unknown, s->all[r->key]).s,
                 unknown > s->with_line[r->key] ? ": build with -g, or let alloctrap symbolize "
                                                  "find the debug information"
                                                : "");
    }
    page_table(page, table);
}

void report_print_source(const struct report *report, const struct page *page)
{
    const struct source_lines *s = report->source;
    size_t count = report->top != 0 && report->top < s->files.count ? report->top : s->files.count;
    if (s->files.count == 0) {
        page_say(page, "No function of this recording has a source file: build with -g, or let "
                       "alloctrap symbolize find the debug information.");
        return;
    }
    print_files(report, page);
    for (size_t i = 0; i < count; i++) {
        if (!s->files.at[i].is_small || s->is_chosen || report->top == 0) {
            print_file(report, page, &s->files.at[i]);
        }
    }
}
