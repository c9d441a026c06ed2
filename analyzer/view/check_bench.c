/* What github-action-benchmark calls customSmallerIsBetter: a list of named numbers over time. */
#include <inttypes.h>
#include <stdlib.h>

#include "view/check.h"
#include "view/json.h"

static void put_entry(struct json *json, const struct check *check, const struct check_line *line)
{
    static const char *const units[] = {
        [BUDGET_COUNT] = "", [BUDGET_BYTES] = "B", [BUDGET_NS] = "ns"};
    const struct budget_metric_facts *facts = budget_metric_facts(line->metric);
    const struct check_budget *b = &check->budgets.at[line->budget];
    char *name = mem_format("%s: %s", b->policy->name, facts->words);
    char *unit =
        mem_format("%s%s%s", facts->unit == BUDGET_COUNT ? facts->words : units[facts->unit],
                   b->unit != NULL ? "/" : "", b->unit != NULL ? b->unit : "");
    char *range = mem_format("%" PRIu64, line->most - line->least);
    char *extra = check_line_text(check, line);
    json_object(json, NULL);
    json_text(json, "name", name);
    json_text(json, "unit", unit);
    json_double(json, "value", (double)line->actual.num / (double)line->actual.den);
    if (check->run_count > 1) {
        json_text(json, "range", range);
    }
    json_text(json, "extra", extra);
    json_end(json);
    free(extra);
    free(range);
    free(unit);
    free(name);
}

void check_bench(const struct check_view *view, FILE *out)
{
    const struct check *check = view->check;
    struct json json = json_on(out);
    json_array(&json, NULL);
    for (size_t i = 0; i < check->lines.count; i++) {
        const struct check_line *line = &check->lines.at[i];
        bool is_once = i == 0 || check->lines.at[i - 1].metric != line->metric ||
                       check->lines.at[i - 1].budget != line->budget;
        if (line->why == NULL && is_once) {
            put_entry(&json, check, line);
        }
    }
    json_end(&json);
}
