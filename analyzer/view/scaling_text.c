#include <stdlib.h>

#include "base/mem.h"
#include "base/units.h"
#include "view/report.h"
#include "view/scaling.h"
#include "view/site_notes.h"

char *scaling_value_text(enum scaling_metric metric, double value)
{
    switch (metric) {
    case SCALING_ALLOCATIONS:
        return mem_text(units_short(scaling_whole(value)).s);
    case SCALING_TIME:
        return mem_text(units_ns(scaling_whole(value)).s);
    default:
        return mem_text(units_bytes(scaling_whole(value)).s);
    }
}

char *scaling_row_text(const struct scaling *scaling, const struct scaling_row *row)
{
    struct site_stack stack = {0};
    const struct profile *p = scaling->largest;
    if (row == &scaling->total) {
        return mem_text("total");
    }
    site_stack_load(&stack, p, p->sites.at[row->site].path);
    char *text = row->place < stack.count ? site_label(&stack.at[row->place])
                                          : mem_text("(calls whose call path was not kept)");
    site_stack_finish(&stack);
    return text;
}

/* Under a row: who called it, where each call path stands for itself. */
static void add_callers(struct table *table, const struct scaling *s, const struct scaling_row *row)
{
    static const struct site_callers_list none = {0};
    struct site_stack stack = {0};
    if (s->grouping != FINDING_BY_STACK) {
        return;
    }
    site_stack_load(&stack, s->largest, s->largest->sites.at[row->site].path);
    site_notes_add(table, &none, &stack, row->place);
    site_stack_finish(&stack);
}

static char *law_text(const struct scaling_fit *fit)
{
    return fit->class == SCALING_NOTHING ? mem_text("-")
                                         : mem_format("%s", scaling_class_name(fit->class));
}

static char *power_text(const struct scaling_fit *fit)
{
    return fit->class == SCALING_NOTHING ? mem_text("-") : mem_format("n^%.2f", fit->exponent);
}

static void add_total(struct table *table, const struct scaling *s, enum scaling_metric metric)
{
    const struct scaling_fit *fit = &s->total.fits[metric];
    char *cells[] = {scaling_value_text(metric, s->total.values[metric][0]),
                     scaling_value_text(metric, s->total.values[metric][s->size_count - 1]),
                     law_text(fit),
                     power_text(fit),
                     mem_format("%.4f", fit->r2),
                     mem_format("%.1f %%", fit->error * 100),
                     fit->class == SCALING_UNCLEAR ? mem_text("-")
                                                   : scaling_value_text(metric, fit->predicted)};
    table_add(table, scaling_metric_name(metric));
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        table_add(table, cells[i]);
        free(cells[i]);
    }
}

static void print_totals(const struct scaling *s, const struct page *page)
{
    char *first = mem_format("n = %s", units_count(scaling_whole(s->sizes[0])).s);
    char *last = mem_format("n = %s", units_count(scaling_whole(s->sizes[s->size_count - 1])).s);
    char *then = mem_format("at %s", units_count(scaling_whole(s->predict_size)).s);
    const struct table_column columns[] = {{"", TABLE_WORD},        {first, TABLE_NUMBER},
                                           {last, TABLE_NUMBER},    {"grows", TABLE_WORD},
                                           {"power", TABLE_NUMBER}, {"R^2", TABLE_NUMBER},
                                           {"off", TABLE_NUMBER},   {then, TABLE_NUMBER}};
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    for (unsigned m = 0; m < SCALING_METRICS; m++) {
        add_total(table, s, (enum scaling_metric)m);
    }
    page_heading(page, "The program as a whole");
    page_say(page,
             "grows: the simplest of constant, log n, linear, n log n, quadratic and cubic that "
             "fits, with what is done once added; power and R^2: the power law through the "
             "logarithms; off: the mean error of the first.");
    page_table(page, table);
    free(first);
    free(last);
    free(then);
}

static void print_rows(const struct scaling_view *view, const struct page *page)
{
    const struct scaling *s = view->scaling;
    size_t shown = view->top != 0 && view->top < s->rows.count ? view->top : s->rows.count;
    const struct table_column columns[] = {{"allocations", TABLE_WORD}, {"bytes", TABLE_WORD},
                                           {"copied", TABLE_WORD},      {"peak", TABLE_WORD},
                                           {"time", TABLE_WORD},        {"share", TABLE_NUMBER},
                                           {"where", TABLE_NAME}};
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < shown; i++) {
        const struct scaling_row *row = &s->rows.at[i];
        for (unsigned m = 0; m < SCALING_METRICS; m++) {
            char *law = law_text(&row->fits[m]);
            table_add(table, law);
            free(law);
        }
        char *where = scaling_row_text(s, row);
        table_add(table, units_share(scaling_whole(row->weight * 1000), 1000).s);
        table_add(table, where);
        add_callers(table, s, row);
        free(where);
    }
    char *heading = mem_format("%s that allocate (%zu of %zu)",
                               s->grouping == FINDING_BY_STACK ? "Call sites" : "Functions", shown,
                               s->rows.count);
    page_heading(page, heading);
    page_say(page, "share: the largest part of a growing total that a function has at n = %s.",
             units_count(scaling_whole(s->predict_size)).s);
    page_table(page, table);
    free(heading);
}

/* "bytes: quadratic, 1.86 GiB" for each metric that will hurt. */
static void add_hurts(struct table *table, const struct scaling *s, const struct scaling_row *row)
{
    for (unsigned m = 0; m < SCALING_METRICS; m++) {
        const struct scaling_fit *fit = &row->fits[m];
        if (row->hurts_in[m]) {
            char *value = scaling_value_text((enum scaling_metric)m, fit->predicted);
            char *total = scaling_value_text((enum scaling_metric)m, s->total.fits[m].predicted);
            char *note = mem_format("%s: %s, %s of %s", scaling_metric_name((enum scaling_metric)m),
                                    scaling_class_name(fit->class), value, total);
            table_note(table, note);
            free(note);
            free(total);
            free(value);
        }
    }
}

static void print_hurts(const struct scaling_view *view, const struct page *page)
{
    static const struct table_column columns[] = {{"", TABLE_NAME}};
    const struct scaling *s = view->scaling;
    struct table *table = table_create(columns, 1);
    for (size_t i = 0; i < s->rows.count && (view->top == 0 || i < view->top); i++) {
        if (s->rows.at[i].hurts) {
            char *where = scaling_row_text(s, &s->rows.at[i]);
            table_add(table, where);
            add_callers(table, s, &s->rows.at[i]);
            add_hurts(table, s, &s->rows.at[i]);
            free(where);
        }
    }
    char *heading =
        mem_format("What will hurt at n = %s", units_count(scaling_whole(s->predict_size)).s);
    page_heading(page, heading);
    free(heading);
    if (table_rows(table) == 0) {
        page_say(page,
                 "Nothing: no function's allocations grow faster than n, and none has a tenth "
                 "of a total that grows.");
        table_destroy(table);
        return;
    }
    page_table(page, table);
}

void scaling_print(const struct scaling_view *view, const struct page *page)
{
    const struct scaling *s = view->scaling;
    for (size_t i = 0; i < s->size_count; i++) {
        if (!s->is_whole[i]) {
            page_warn(page,
                      "The recording at n = %s is incomplete: events were lost, or the program was "
                      "ended by a signal. Its numbers are too low, and so is what follows.",
                      units_count(scaling_whole(s->sizes[i])).s);
        }
    }
    char *command = report_command_text(s->largest->run.command);
    page_say(page, "%s", command);
    page_say(page, "%zu sizes, n = %s to %s.", s->size_count,
             units_count(scaling_whole(s->sizes[0])).s,
             units_count(scaling_whole(s->sizes[s->size_count - 1])).s);
    free(command);
    print_totals(s, page);
    print_hurts(view, page);
    print_rows(view, page);
}
