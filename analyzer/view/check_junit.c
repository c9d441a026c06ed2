#include <stdlib.h>

#include "base/escape.h"
#include "view/check.h"

/* What XML cannot hold at all (controls, U+FFFE, bytes that are not UTF-8) is a \xNN in it. */
static void put_xml(FILE *out, const char *text)
{
    char *escaped = escape_html(text);
    fputs(escaped, out);
    free(escaped);
}

static void put_attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    put_xml(out, value);
    fputc('"', out);
}

static bool is_failure(enum check_verdict verdict)
{
    return verdict == CHECK_BROKEN || verdict == CHECK_RATCHET;
}

static bool is_error(enum check_verdict verdict)
{
    return verdict == CHECK_INCONCLUSIVE || verdict == CHECK_NO_BASELINE;
}

static void put_body(const struct check_view *view, const struct check_line *line, FILE *out)
{
    const struct check_budget *b = &view->check->budgets.at[line->budget];
    for (size_t i = 0; i < b->moved_count; i++) {
        char *site = check_site_text(view, &b->moved[i]);
        char *value = check_value_text(b->moved_by, (struct budget_ratio){b->moved[i].now, 1});
        put_xml(out, value);
        fputs(b->moved[i].is_new ? "  new  " : "  ", out);
        put_xml(out, site);
        fputc('\n', out);
        free(value);
        free(site);
    }
}

static void put_case(const struct check_view *view, const struct check_line *line, FILE *out)
{
    const struct check_budget *b = &view->check->budgets.at[line->budget];
    char *text = check_line_text(view->check, line);
    char *name = mem_format("%s: %s%s", b->policy->name, budget_metric_facts(line->metric)->key,
                            line->is_relative ? " against the baseline" : "");
    fputs("    <testcase", out);
    put_attribute(out, "classname", "alloctrap.budget");
    put_attribute(out, "name", name);
    fputs(" time=\"0\">", out);
    if (is_failure(line->verdict) || is_error(line->verdict)) {
        const char *tag = is_failure(line->verdict) ? "failure" : "error";
        fprintf(out, "\n      <%s", tag);
        put_attribute(out, "message", text);
        put_attribute(out, "type", check_verdict_name(line->verdict));
        fputc('>', out);
        put_body(view, line, out);
        fprintf(out, "</%s>\n    ", tag);
    } else if (line->verdict == CHECK_SKIPPED) {
        fputs("\n      <skipped", out);
        put_attribute(out, "message", text);
        fputs("/>\n    ", out);
    } else {
        fputs("<system-out>", out);
        put_xml(out, text);
        fputs("</system-out>", out);
    }
    fputs("</testcase>\n", out);
    free(name);
    free(text);
}

static void put_counts(const struct check *check, FILE *out)
{
    size_t failures = 0;
    size_t errors = 0;
    size_t skipped = 0;
    for (size_t i = 0; i < check->lines.count; i++) {
        enum check_verdict verdict = check->lines.at[i].verdict;
        failures += is_failure(verdict);
        errors += is_error(verdict);
        skipped += verdict == CHECK_SKIPPED;
    }
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"0\">\n",
            check->lines.count, failures, errors, skipped);
}

void check_junit(const struct check_view *view, FILE *out)
{
    const struct check *check = view->check;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", out);
    put_attribute(out, "name", "alloctrap");
    put_counts(check, out);
    fputs("  <testsuite", out);
    put_attribute(out, "name", view->policy_file);
    put_counts(check, out);
    for (size_t i = 0; i < check->lines.count; i++) {
        put_case(view, &check->lines.at[i], out);
    }
    fputs("  </testsuite>\n</testsuites>\n", out);
}
