/* SARIF 2.1.0, for GitHub's code scanning and editors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/live_build.h"
#include "view/check.h"
#include "view/json.h"

/* A URI reference: what is not allowed in one is escaped. */
static void put_uri(struct json *json, const char *path)
{
    char *uri = mem_zero(3 * strlen(path) + 1, 1);
    char *end = uri;
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr("/-._~+@", c) != NULL;
        end += is_plain ? sprintf(end, "%c", c) : sprintf(end, "%%%02X", c);
    }
    json_text(json, "uri", uri);
    free(uri);
}

static void put_location(struct json *json, const struct check_view *view,
                         const struct check_line *line, const struct check_site *site)
{
    char *path = check_path(view, site != NULL ? site->file : "");
    bool is_inside = path[0] != '\0' && path[0] != '/' && site->line != 0;
    json_array(json, "locations");
    json_object(json, NULL);
    json_object(json, "physicalLocation");
    json_object(json, "artifactLocation");
    put_uri(json, is_inside ? path : view->policy_file);
    json_end(json);
    json_object(json, "region");
    json_uint(json, "startLine",
              is_inside ? site->line : view->check->budgets.at[line->budget].policy->line);
    json_end(json);
    json_end(json);
    json_end(json);
    json_end(json);
    free(path);
}

static void put_message(struct json *json, const char *name, const char *text)
{
    json_object(json, name);
    json_text(json, "text", text);
    json_end(json);
}

static void put_result(struct json *json, const struct check_view *view,
                       const struct check_line *line)
{
    const struct check_site *site = check_line_site(view->check, line);
    char *rule = check_rule_id(view->check, line);
    char *text = check_line_text(view->check, line);
    json_object(json, NULL);
    json_text(json, "ruleId", rule);
    json_text(json, "level", line->verdict == CHECK_WARNED ? "warning" : "error");
    put_message(json, "message", text);
    put_location(json, view, line, site);
    json_object(json, "partialFingerprints");
    json_text(json, "alloctrapSite/v1", site != NULL ? site->key : rule);
    json_end(json);
    json_end(json);
    free(text);
    free(rule);
}

static void put_rule(struct json *json, const struct check *check, const struct check_line *line)
{
    char *rule = check_rule_id(check, line);
    char *text =
        mem_format("allocation budget '%s': %s", check->budgets.at[line->budget].policy->name,
                   budget_metric_facts(line->metric)->words);
    json_object(json, NULL);
    json_text(json, "id", rule);
    put_message(json, "shortDescription", text);
    json_end(json);
    free(text);
    free(rule);
}

static void put_tool(struct json *json, const struct check *check)
{
    json_object(json, "tool");
    json_object(json, "driver");
    json_text(json, "name", "alloctrap");
    json_text(json, "version", LIVE_BUILD_VERSION);
    json_array(json, "rules");
    for (size_t i = 0; i < check->lines.count; i++) {
        put_rule(json, check, &check->lines.at[i]);
    }
    json_end(json);
    json_end(json);
    json_end(json);
}

void check_sarif(const struct check_view *view, FILE *out)
{
    const struct check *check = view->check;
    struct json json = json_on(out);
    json_object(&json, NULL);
    json_text(&json, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_text(&json, "version", "2.1.0");
    json_array(&json, "runs");
    json_object(&json, NULL);
    put_tool(&json, check);
    json_array(&json, "results");
    for (size_t i = 0; i < check->lines.count; i++) {
        if (check_is_finding(check->lines.at[i].verdict)) {
            put_result(&json, view, &check->lines.at[i]);
        }
    }
    json_end(&json);
    json_end(&json);
    json_end(&json);
    json_end(&json);
}
