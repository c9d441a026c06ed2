#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "view/check.h"

char *check_value_text(enum budget_metric metric, struct budget_ratio value)
{
    enum budget_unit unit = budget_metric_facts(metric)->unit;
    uint64_t whole = value.num / value.den;
    if (unit == BUDGET_NS) {
        return mem_text(units_ns(whole).s);
    }
    if (value.num % value.den == 0 || (unit == BUDGET_BYTES && whole >= 1024)) {
        return mem_text(unit == BUDGET_BYTES ? units_bytes(whole).s : units_count(whole).s);
    }
    const char *per = units_per(value.num, value.den).s;
    return unit == BUDGET_BYTES ? mem_format("%s B", per) : mem_text(per);
}

/* What one of something is called: "call sites that allocate" -> "call site that allocates". */
static char *words_of_one(const char *words)
{
    size_t end = 0;
    while (words[end] != '\0' &&
           !(words[end] == 's' && (words[end + 1] == ' ' || words[end + 1] == '\0'))) {
        end += 1;
    }
    const char *rest = words[end] == 's' ? words + end + 1 : words + end;
    bool is_verb_last = strcmp(rest, " that allocate") == 0;
    return mem_format("%.*s%s%s", (int)end, words, rest, is_verb_last ? "s" : "");
}

/* "28x more", "3.2 % more"; "" where nothing useful can be said. */
static char *excess(struct budget_ratio actual, struct budget_ratio limit)
{
    if (limit.num == 0 || budget_ratio_compare(actual, limit) <= 0) {
        return mem_text("");
    }
    double times =
        (double)actual.num / (double)actual.den / ((double)limit.num / (double)limit.den);
    if (times >= 100) {
        return mem_format(": %sx", units_count((uint64_t)times).s);
    }
    if (times >= 2) {
        return mem_format(": %.3gx", times);
    }
    return mem_format(": %.3g %% over", (times - 1) * 100);
}

/* " (+5 % tolerated)" where the allowed is not the limit itself. */
static char *tolerated(const struct check_line *line)
{
    if (budget_ratio_compare(line->allowed, line->limit) <= 0) {
        return mem_text("");
    }
    char *value = check_value_text(line->metric, line->allowed);
    char *text = mem_format(" (up to %s tolerated)", value);
    free(value);
    return text;
}

static char *against(const struct check_line *line)
{
    char *limit = check_value_text(line->metric, line->limit);
    char *base = check_value_text(line->metric, line->base);
    char *text = !line->is_relative || line->metric == METRIC_NEW_SITES
                     ? mem_format("limit %s", limit)
                 : line->verdict == CHECK_IMPROVED || line->verdict == CHECK_RATCHET
                     ? mem_format("better than the baseline's %s", base)
                     : mem_format("baseline %s, limit %s", base, limit);
    free(base);
    free(limit);
    return text;
}

char *check_line_text(const struct check *check, const struct check_line *line)
{
    const struct check_budget *b = &check->budgets.at[line->budget];
    const char *words =
        line->words != NULL ? line->words : budget_metric_facts(line->metric)->words;
    if (line->why != NULL) {
        return mem_format("%s: %s", words, line->why);
    }
    bool is_per = b->unit != NULL && line->actual.den != 1;
    bool is_one = budget_metric_facts(line->metric)->unit == BUDGET_COUNT &&
                  line->actual.num == line->actual.den;
    char *what = is_one ? words_of_one(words) : mem_text(words);
    char *actual = check_value_text(line->metric, line->actual);
    char *limit = against(line);
    char *by = excess(line->actual, line->limit);
    char *more = tolerated(line);
    char *sites = line->sites_over > 1
                      ? mem_format(", and %" PRIu32 " more call site%s", line->sites_over - 1,
                                   units_s(line->sites_over - 1))
                      : mem_text("");
    char *text = mem_format(
        "%s %s%s%s%s, %s%s%s%s", actual, what, is_per ? " per " : "", is_per ? b->unit : "",
        line->worst.key != NULL && line->words == NULL ? " at one call site" : "", limit, more, by,
        sites);
    free(sites);
    free(more);
    free(by);
    free(limit);
    free(actual);
    free(what);
    return text;
}

char *check_path(const struct check_view *view, const char *file)
{
    const char *parts[256];
    size_t count = 0;
    char *rest = NULL;
    char *copy = mem_text(file);
    for (char *part = strtok_r(copy, "/", &rest); part != NULL && count < 256;
         part = strtok_r(NULL, "/", &rest)) {
        if (strcmp(part, "..") == 0 && count > 0 && strcmp(parts[count - 1], "..") != 0) {
            count -= 1;
        } else if (strcmp(part, ".") != 0) {
            parts[count++] = part;
        }
    }
    char *path = mem_text("");
    for (size_t i = 0; i < count; i++) {
        char *longer = mem_format("%s%s%s", path, i > 0 || file[0] == '/' ? "/" : "", parts[i]);
        free(path);
        path = longer;
    }
    free(copy);
    size_t length = strlen(view->workspace);
    if (length > 1 && strncmp(path, view->workspace, length) == 0 && path[length] == '/') {
        memmove(path, path + length + 1, strlen(path + length + 1) + 1);
    }
    return path;
}

char *check_site_text(const struct check_view *view, const struct check_site *site)
{
    char *path = check_path(view, site->file);
    const char *callers = strstr(site->key, " < ");
    char *place = path[0] == '\0'   ? mem_format(" in %s", site_basename(site->module))
                  : site->line == 0 ? mem_format(" at %s", path)
                                    : mem_format(" at %s:%" PRIu32, path, site->line);
    char *text = mem_format("%s%s%s", site->label, place, callers != NULL ? callers : "");
    free(place);
    free(path);
    return text;
}

const struct check_site *check_line_site(const struct check *check, const struct check_line *line)
{
    const struct check_budget *b = &check->budgets.at[line->budget];
    if (line->worst.key != NULL) {
        return &line->worst;
    }
    return check_is_finding(line->verdict) && b->moved_count > 0 ? &b->moved[0] : NULL;
}

char *check_rule_id(const struct check *check, const struct check_line *line)
{
    const struct check_budget *b = &check->budgets.at[line->budget];
    char *name = mem_text(b->policy->name);
    for (char *at = name; *at != '\0'; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                        (*at >= '0' && *at <= '9') || *at == '_';
        *at = is_plain ? *at : '-';
    }
    char *id = mem_format("alloctrap.%s.%s%s", name, budget_metric_facts(line->metric)->key,
                          line->is_relative ? ".baseline" : "");
    free(name);
    return id;
}

bool check_is_finding(enum check_verdict verdict)
{
    return verdict >= CHECK_WARNED;
}

struct ordered {
    size_t index;
    enum check_verdict verdict;
};

static int worst_first(const void *a, const void *b)
{
    const struct ordered *x = a;
    const struct ordered *y = b;
    if (x->verdict != y->verdict) {
        return x->verdict > y->verdict ? -1 : 1;
    }
    return (x->index > y->index) - (x->index < y->index);
}

size_t *check_order(const struct check *check)
{
    size_t count = check->lines.count;
    struct ordered *lines = mem_zero(count + 1, sizeof *lines);
    for (size_t i = 0; i < count; i++) {
        lines[i] = (struct ordered){i, check->lines.at[i].verdict};
    }
    qsort(lines, count, sizeof *lines, worst_first);
    size_t *order = mem_zero(count + 1, sizeof *order);
    for (size_t i = 0; i < count; i++) {
        order[i] = lines[i].index;
    }
    free(lines);
    return order;
}

char *check_headline(const struct check *check)
{
    size_t all = check->budgets.count;
    const size_t *counts = check->counts;
    const char *s = all == 1 ? "" : "s";
    if (counts[CHECK_BROKEN] != 0) {
        return mem_format("%zu of %zu budget%s broken", counts[CHECK_BROKEN], all, s);
    }
    if (counts[CHECK_INCONCLUSIVE] != 0) {
        return mem_format("%zu of %zu budget%s cannot be told", counts[CHECK_INCONCLUSIVE], all, s);
    }
    if (counts[CHECK_NO_BASELINE] != 0) {
        return mem_format("%zu of %zu budget%s without a baseline", counts[CHECK_NO_BASELINE], all,
                          s);
    }
    if (counts[CHECK_RATCHET] != 0) {
        return mem_format("%zu of %zu budget%s better than the baseline: commit that",
                          counts[CHECK_RATCHET], all, s);
    }
    if (check->status != 0) {
        return mem_format("--strict: %zu of %zu budget%s doubtful",
                          counts[CHECK_WARNED] + counts[CHECK_UNMATCHED] + counts[CHECK_SKIPPED],
                          all, s);
    }
    return all == 1 ? mem_text("the budget holds") : mem_format("all %zu budgets hold", all);
}

char *check_ignored_text(const struct check *check)
{
    const struct budget_ignored *ignored = &check->ignored;
    char *paused = ignored->paused != 0
                       ? mem_format("not counted: %s allocation%s while the program had paused",
                                    units_count(ignored->paused).s, units_s(ignored->paused))
                       : mem_text("");
    if (ignored->sites == 0 && ignored->leaked_bytes == 0) {
        return paused;
    }
    char *text = mem_format("ignored by the policy: %s call site%s, %s allocation%s, %s; %s never "
                            "freed%s%s",
                            units_count(ignored->sites).s, units_s(ignored->sites),
                            units_count(ignored->allocs).s, units_s(ignored->allocs),
                            units_bytes(ignored->bytes).s, units_bytes(ignored->leaked_bytes).s,
                            paused[0] != '\0' ? "; " : "", paused);
    free(paused);
    return text;
}
