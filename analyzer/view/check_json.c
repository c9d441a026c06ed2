#include <stdlib.h>

#include "live/live_build.h"
#include "view/check.h"
#include "view/json.h"

static void put_ratio(struct json *json, const char *name, struct budget_ratio ratio)
{
    json_double(json, name, (double)ratio.num / (double)ratio.den);
}

static void put_site(struct json *json, const char *name, const struct check_view *view,
                     const struct check_site *site)
{
    char *path = check_path(view, site->file);
    json_object(json, name);
    json_text(json, "key", site->key);
    json_text(json, "function", site->label);
    json_text(json, "file", path);
    json_uint(json, "line", site->line);
    json_text(json, "module", site->module);
    json_uint(json, "value", site->now);
    if (site->has_before) {
        json_uint(json, "before", site->before);
    }
    json_bool(json, "new", site->is_new);
    json_end(json);
    free(path);
}

static const char *unit_name(enum budget_metric metric)
{
    static const char *const names[] = {
        [BUDGET_COUNT] = "count", [BUDGET_BYTES] = "bytes", [BUDGET_NS] = "ns"};
    return names[budget_metric_facts(metric)->unit];
}

static void put_line(struct json *json, const struct check_view *view,
                     const struct check_line *line)
{
    const struct check *check = view->check;
    const struct check_budget *b = &check->budgets.at[line->budget];
    char *text = check_line_text(check, line);
    json_object(json, NULL);
    json_text(json, "budget", b->policy->name);
    json_text(json, "metric", budget_metric_facts(line->metric)->key);
    json_text(json, "verdict", check_verdict_name(line->verdict));
    json_text(json, "against", line->is_relative ? "baseline" : "limit");
    json_text(json, "unit", unit_name(line->metric));
    if (b->unit != NULL) {
        json_text(json, "per", b->unit);
        json_uint(json, "units", b->units);
    }
    put_ratio(json, "actual", line->actual);
    put_ratio(json, "limit", line->limit);
    put_ratio(json, "allowed", line->allowed);
    if (line->has_base) {
        put_ratio(json, "baseline", line->base);
    }
    json_uint(json, "samples", line->samples);
    json_uint(json, "least", line->least);
    json_uint(json, "most", line->most);
    json_uint(json, "sites_over", line->sites_over);
    if (line->worst.key != NULL) {
        put_site(json, "worst", view, &line->worst);
    }
    json_text(json, "text", text);
    json_end(json);
    free(text);
}

static void put_budget(struct json *json, const struct check_view *view,
                       const struct check_budget *b)
{
    json_object(json, NULL);
    json_text(json, "name", b->policy->name);
    json_text(json, "verdict", check_verdict_name(b->verdict));
    json_uint(json, "policy_line", b->policy->line);
    json_uint(json, "sites", b->sites);
    json_text(json, "moved_by", budget_metric_facts(b->moved_by)->key);
    json_array(json, "moved");
    for (size_t i = 0; i < b->moved_count; i++) {
        put_site(json, NULL, view, &b->moved[i]);
    }
    json_end(json);
    json_end(json);
}

void check_json(const struct check_view *view, FILE *out)
{
    const struct check *check = view->check;
    struct json json = json_on(out);
    json_object(&json, NULL);
    json_text(&json, "schema", "alloctrap.check/1");
    json_text(&json, "tool", LIVE_BUILD_VERSION);
    json_text(&json, "policy", view->policy_file);
    json_text(&json, "what", view->what);
    json_int(&json, "status", check->status);
    json_uint(&json, "runs", check->run_count);
    if (check->note != NULL) {
        json_text(&json, "note", check->note);
    }
    json_object(&json, "ignored");
    json_uint(&json, "sites", check->ignored.sites);
    json_uint(&json, "allocations", check->ignored.allocs);
    json_uint(&json, "bytes", check->ignored.bytes);
    json_uint(&json, "leaked_bytes", check->ignored.leaked_bytes);
    json_uint(&json, "paused_allocations", check->ignored.paused);
    json_end(&json);
    json_array(&json, "budgets");
    for (size_t i = 0; i < check->budgets.count; i++) {
        put_budget(&json, view, &check->budgets.at[i]);
    }
    json_end(&json);
    json_array(&json, "results");
    for (size_t i = 0; i < check->lines.count; i++) {
        put_line(&json, view, &check->lines.at[i]);
    }
    json_end(&json);
    json_end(&json);
}
