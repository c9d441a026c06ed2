/* GitLab's code quality report. A finding's fingerprint holds no number and no line: else each edit
 * would make an old finding new. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/fnv.h"
#include "view/check.h"
#include "view/json.h"

static void put_fingerprint(struct json *json, const char *rule, const struct check_site *site)
{
    char *text = mem_format("%s\n%s", rule, site != NULL ? site->key : "");
    char *print = mem_format("%016" PRIx64, fnv_text(text));
    json_text(json, "fingerprint", print);
    free(print);
    free(text);
}

static void put_finding(struct json *json, const struct check_view *view,
                        const struct check_line *line)
{
    const struct check_site *site = check_line_site(view->check, line);
    const struct check_budget *b = &view->check->budgets.at[line->budget];
    char *rule = check_rule_id(view->check, line);
    char *text = check_line_text(view->check, line);
    char *path = check_path(view, site != NULL ? site->file : "");
    bool is_inside = path[0] != '\0' && path[0] != '/' && site->line != 0;
    char *description = mem_format("%s: %s", b->policy->name, text);
    json_object(json, NULL);
    json_text(json, "description", description);
    json_text(json, "check_name", rule);
    put_fingerprint(json, rule, site);
    json_text(json, "severity", line->verdict == CHECK_WARNED ? "minor" : "major");
    json_object(json, "location");
    json_text(json, "path", is_inside ? path : view->policy_file);
    json_object(json, "lines");
    json_uint(json, "begin", is_inside ? site->line : b->policy->line);
    json_end(json);
    json_end(json);
    json_end(json);
    free(description);
    free(path);
    free(text);
    free(rule);
}

void check_gitlab(const struct check_view *view, FILE *out)
{
    const struct check *check = view->check;
    struct json json = json_on(out);
    size_t *order = check_order(check);
    json_array(&json, NULL);
    for (size_t i = 0; i < check->lines.count; i++) {
        if (check_is_finding(check->lines.at[order[i]].verdict)) {
            put_finding(&json, view, &check->lines.at[order[i]]);
        }
    }
    json_end(&json);
    free(order);
}
