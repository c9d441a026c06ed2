/* Workflow commands of GitHub Actions. GitHub shows ten of a kind in a step: worst first, and the
 * tenth says how many are left out. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "view/check.h"

enum { SHOWN_MAX = 10 };

/* As GitHub wants it: % in data, : and , in properties too; and nothing that steers a terminal. */
static void put_escaped(FILE *out, const char *text, bool is_property)
{
    char *shown = escape_terminal(text);
    for (const char *at = shown; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        bool is_special = c == '%' || (is_property && (c == ':' || c == ','));
        fprintf(out, is_special ? "%%%02X" : "%c", c);
    }
    free(shown);
}

static const char *kind_of(enum check_verdict verdict)
{
    return verdict == CHECK_WARNED ? "warning" : "error";
}

static void put_place(const struct check_view *view, const struct check_line *line, FILE *out)
{
    const struct check_site *site = check_line_site(view->check, line);
    char *path = check_path(view, site != NULL ? site->file : "");
    bool is_inside = path[0] != '\0' && path[0] != '/' && site->line != 0;
    const struct check_budget *b = &view->check->budgets.at[line->budget];
    fputs(" file=", out);
    put_escaped(out, is_inside ? path : view->policy_file, true);
    fprintf(out, ",line=%zu,title=", is_inside ? (size_t)site->line : b->policy->line);
    put_escaped(out, "allocation budget: ", true);
    put_escaped(out, b->policy->name, true);
    free(path);
}

static void put_one(const struct check_view *view, const struct check_line *line, size_t more,
                    FILE *out)
{
    const struct check_site *site = check_line_site(view->check, line);
    char *text = check_line_text(view->check, line);
    char *where = site != NULL ? check_site_text(view, site) : mem_text("");
    fprintf(out, "::%s", kind_of(line->verdict));
    put_place(view, line, out);
    fputs("::", out);
    put_escaped(out, text, false);
    if (where[0] != '\0') {
        fputs("%0Amost of it: ", out);
        put_escaped(out, where, false);
    }
    if (more > 0) {
        fprintf(out, "%%0A+%zu more of this kind: see the step's log", more);
    }
    fputc('\n', out);
    free(where);
    free(text);
}

static size_t count_of(const struct check *check, const char *kind)
{
    size_t count = 0;
    for (size_t i = 0; i < check->lines.count; i++) {
        enum check_verdict verdict = check->lines.at[i].verdict;
        count += check_is_finding(verdict) && strcmp(kind_of(verdict), kind) == 0;
    }
    return count;
}

void check_github(const struct check_view *view, FILE *out)
{
    static const char *const kinds[] = {"error", "warning"};
    const struct check *check = view->check;
    size_t *order = check_order(check);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t all = count_of(check, kinds[k]);
        size_t shown = 0;
        for (size_t i = 0; i < check->lines.count && shown < SHOWN_MAX; i++) {
            const struct check_line *line = &check->lines.at[order[i]];
            if (check_is_finding(line->verdict) && strcmp(kind_of(line->verdict), kinds[k]) == 0) {
                shown += 1;
                put_one(view, line, shown == SHOWN_MAX ? all - shown : 0, out);
            }
        }
    }
    free(order);
}
