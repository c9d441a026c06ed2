/* GitHub markdown, for a step summary or a comment. GitHub takes 1 MiB of it from a step. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/escape.h"
#include "view/check.h"

enum { ROWS_MAX = 500 };

static void put_escaped(FILE *out, char *(*escape)(const char *), char *text)
{
    char *escaped = escape(text);
    fputs(escaped, out);
    free(escaped);
    free(text);
}

static void put_row(const struct check_view *view, const struct check_line *line, FILE *out)
{
    const struct check *check = view->check;
    const struct check_budget *b = &check->budgets.at[line->budget];
    bool is_told = line->why == NULL;
    fprintf(out, "| %s | ", check_verdict_name(line->verdict));
    put_escaped(out, escape_markdown, mem_text(b->policy->name));
    fprintf(out, " | %s | ", budget_metric_facts(line->metric)->words);
    put_escaped(out, escape_markdown,
                is_told ? check_value_text(line->metric, line->actual) : mem_text("-"));
    if (b->unit != NULL && is_told && line->actual.den != 1) {
        fputs(" per ", out);
        put_escaped(out, escape_markdown, mem_text(b->unit));
    }
    fputs(" | ", out);
    put_escaped(out, escape_markdown, check_value_text(line->metric, line->limit));
    fputs(" | ", out);
    put_escaped(out, escape_markdown,
                line->has_base ? check_value_text(line->metric, line->base) : mem_text("-"));
    fputs(" |\n", out);
}

static void put_sites(const struct check_view *view, const struct check_budget *b, FILE *out)
{
    fputs("\n**", out);
    put_escaped(out, escape_markdown, mem_text(b->policy->name));
    fprintf(out, "**, by %s:\n\n", budget_metric_facts(b->moved_by)->words);
    for (size_t i = 0; i < b->moved_count; i++) {
        const struct check_site *site = &b->moved[i];
        fputs("- ", out);
        put_escaped(out, escape_markdown,
                    check_value_text(b->moved_by, (struct budget_ratio){site->now, 1}));
        fputs(site->is_new ? " **new** " : " ", out);
        put_escaped(out, escape_markdown_code, check_site_text(view, site));
        fputc('\n', out);
    }
}

void check_markdown(const struct check_view *view, FILE *out)
{
    const struct check *check = view->check;
    size_t *order = check_order(check);
    char *ignored = check_ignored_text(check);
    fputs("### Allocation budgets: ", out);
    put_escaped(out, escape_markdown, check_headline(check));
    fputs("\n\n| verdict | budget | metric | actual | limit | baseline |\n"
          "|:--|:--|:--|--:|--:|--:|\n",
          out);
    for (size_t i = 0; i < check->lines.count && i < ROWS_MAX; i++) {
        put_row(view, &check->lines.at[order[i]], out);
    }
    if (check->lines.count > ROWS_MAX) {
        fprintf(out, "\n%zu more rows are left out.\n", check->lines.count - ROWS_MAX);
    }
    size_t shown = 0;
    for (size_t i = 0; i < check->budgets.count && shown < ROWS_MAX / CHECK_SITES_MAX; i++) {
        if (check->budgets.at[i].moved_count > 0) {
            put_sites(view, &check->budgets.at[i], out);
            shown += 1;
        }
    }
    if (ignored[0] != '\0') {
        fputc('\n', out);
        put_escaped(out, escape_markdown, mem_text(ignored));
        fputc('\n', out);
    }
    free(ignored);
    free(order);
}
