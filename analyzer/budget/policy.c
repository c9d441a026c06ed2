#include "budget/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget_glob.h"
#include "budget/policy_schema.h"
#include "budget/policy_text.h"

enum { WAY_BYTES = 128 };

/* A latency limit is broken only past both of these, unless the policy says otherwise. */
static const struct budget_ratio LATENCY_RELATIVE = {10, 1};
static const struct budget_ratio LATENCY_ABSOLUTE = {100, 1};

/* What is being read. */
struct reader {
    struct policy_text text;
    struct policy *policy;
    struct policy_budget defaults;
    uint64_t skip_ns; /* a recorder sets one mark by time */
    struct err *reterr;
};

static const char *keep(struct reader *r, const char *text)
{
    return text != NULL ? mem_strings_keep(r->policy->strings, text) : NULL;
}

static enum err_code fail(struct reader *r, const char *way, const char *key, const char *value,
                          const char *wanted)
{
    char *full = mem_format("%s%s%s", way, way[0] != '\0' ? "/" : "", key);
    enum err_code code = policy_text_fail(&r->text, policy_text_place(&r->text, full), r->reterr,
                                          "'%s: %s': wanted is %s", key, value, wanted);
    free(full);
    return code;
}

/* One of some words; NULL leaves *ret as it is. */
static enum err_code take_word(struct reader *r, const char *way, const char *key,
                               const char *value, const char *const *words, int *ret)
{
    if (value == NULL) {
        return ERR_NONE;
    }
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(value, words[i]) == 0) {
            *ret = i;
            return ERR_NONE;
        }
    }
    char *wanted = mem_text("one of:");
    for (int i = 0; words[i] != NULL; i++) {
        char *longer = mem_format("%s %s", wanted, words[i]);
        free(wanted);
        wanted = longer;
    }
    const char *nearest = policy_schema_nearest(value, words);
    char *full =
        nearest != NULL ? mem_format("%s; did you mean '%s'?", wanted, nearest) : mem_text(wanted);
    enum err_code code = fail(r, way, key, value, full);
    free(full);
    free(wanted);
    return code;
}

static enum err_code take_flag(struct reader *r, const char *way, const char *key,
                               const char *value, bool *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", NULL};
    int word = *ret ? 1 : 0;
    enum err_code code = take_word(r, way, key, value, words, &word);
    *ret = word % 2 == 1;
    return code;
}

static enum err_code take_count(struct reader *r, const char *way, const char *key,
                                const char *value, uint64_t max, uint64_t *ret)
{
    struct budget_ratio number;
    if (value == NULL) {
        return ERR_NONE;
    }
    if (policy_value_parse(value, BUDGET_COUNT, &number) != NULL || number.den != 1 ||
        number.num > max) {
        char *wanted = mem_format("a whole number up to %" PRIu64, max);
        enum err_code code = fail(r, way, key, value, wanted);
        free(wanted);
        return code;
    }
    *ret = number.num;
    return ERR_NONE;
}

static enum err_code take_tolerance(struct reader *r, const char *way,
                                    const struct policy_raw_tolerance *raw,
                                    struct policy_tolerance *ret)
{
    if (raw != NULL && raw->relative != NULL) {
        const char *wanted = policy_percent_parse(raw->relative, &ret->relative);
        if (wanted != NULL) {
            return fail(r, way, "relative", raw->relative, wanted);
        }
        ret->has_relative = true;
    }
    if (raw != NULL && raw->absolute != NULL) {
        const char *wanted = policy_any_parse(raw->absolute, &ret->absolute, &ret->absolute_unit);
        if (wanted != NULL) {
            return fail(r, way, "absolute", raw->absolute, wanted);
        }
        ret->has_absolute = true;
    }
    return ERR_NONE;
}

static enum err_code take_glob(struct reader *r, const char *way, const char *key,
                               const char *value, const char **ret)
{
    const char *wanted = value != NULL ? budget_glob_check(value) : NULL;
    if (wanted != NULL) {
        return fail(r, way, key, value, wanted);
    }
    *ret = keep(r, value);
    return ERR_NONE;
}

/* "malloc|calloc". */
static enum err_code take_calls(struct reader *r, const char *way, const char *value,
                                struct policy_match *ret)
{
    const char *names[CALL_COUNT + 1] = {0};
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        names[i] = hook_call_name(i);
    }
    while (value != NULL && *value != '\0') {
        size_t length = strcspn(value, "|");
        char *name = mem_format("%.*s", (int)length, value);
        int call = 0;
        enum err_code code = take_word(r, way, "op", name, names, &call);
        free(name);
        if (code != ERR_NONE) {
            return code;
        }
        ret->has_calls = true;
        ret->calls[call] = true;
        value += length;
        value += *value == '|';
    }
    return ERR_NONE;
}

static enum err_code take_match(struct reader *r, const char *way,
                                const struct policy_raw_match *raw, struct policy_match *ret)
{
    const struct {
        const char *key;
        const char *value;
        const char **ret;
    } globs[] = {{"function", raw->function, &ret->function},
                 {"module", raw->module, &ret->module},
                 {"file", raw->file, &ret->file},
                 {"site", raw->site, &ret->site},
                 {"under", raw->under, &ret->under}};
    enum err_code code = ERR_NONE;
    for (size_t i = 0; i < sizeof globs / sizeof globs[0] && code == ERR_NONE; i++) {
        code = take_glob(r, way, globs[i].key, globs[i].value, globs[i].ret);
    }
    return code == ERR_NONE ? take_calls(r, way, raw->op, ret) : code;
}

static enum err_code take_window(struct reader *r, const char *way,
                                 const struct policy_raw_window *raw, struct policy_window *ret)
{
    struct budget_ratio skip = {0, 1};
    if (raw == NULL) {
        return ERR_NONE;
    }
    *ret = (struct policy_window){.after_mark = keep(r, raw->after_mark),
                                  .until_mark = keep(r, raw->until_mark),
                                  .phase = keep(r, raw->phase)};
    if (raw->skip != NULL) {
        const char *wanted = policy_value_parse(raw->skip, BUDGET_NS, &skip);
        if (wanted != NULL) {
            return fail(r, way, "skip", raw->skip, wanted);
        }
        ret->skip_ns = skip.num / skip.den;
    }
    if (ret->phase != NULL &&
        (ret->skip_ns != 0 || ret->after_mark != NULL || ret->until_mark != NULL)) {
        return fail(r, way, "phase", ret->phase,
                    "a phase alone: it cannot be cut by marks or time");
    }
    if (ret->skip_ns != 0 && ret->after_mark != NULL) {
        return fail(r, way, "skip", raw->skip, "either skip or after_mark, not both");
    }
    if (ret->skip_ns != 0 && r->skip_ns != 0 && ret->skip_ns != r->skip_ns) {
        return fail(r, way, "skip", raw->skip, "the same time as in the other windows");
    }
    r->skip_ns = ret->skip_ns != 0 ? ret->skip_ns : r->skip_ns;
    return ERR_NONE;
}

static enum err_code take_limits(struct reader *r, const char *way,
                                 const struct policy_raw_values *raw, struct policy_budget *ret)
{
    for (int m = 0; raw != NULL && m < METRIC_COUNT; m++) {
        const struct budget_metric_facts *facts = budget_metric_facts((enum budget_metric)m);
        if (raw->text[m] == NULL) {
            continue;
        }
        const char *wanted =
            m == METRIC_NEW_SITES
                ? "baseline: what is new is new against a baseline"
                : policy_value_parse(raw->text[m], facts->unit, &ret->limits[m].value);
        if (wanted != NULL) {
            return fail(r, way, facts->key, raw->text[m], wanted);
        }
        ret->limits[m].is_set = true;
    }
    return ERR_NONE;
}

static enum err_code take_changes(struct reader *r, const char *way,
                                  const struct policy_raw_values *raw, struct policy_budget *ret)
{
    for (int m = 0; raw != NULL && m < METRIC_COUNT; m++) {
        const struct budget_metric_facts *facts = budget_metric_facts((enum budget_metric)m);
        if (raw->text[m] == NULL) {
            continue;
        }
        const char *wanted =
            !budget_metric_has_baseline((enum budget_metric)m)
                ? "a metric that stays the same from run to run; give this one a limit"
                : policy_change_parse(raw->text[m], facts->unit, &ret->changes[m]);
        if (wanted != NULL) {
            return fail(r, way, facts->key, raw->text[m], wanted);
        }
    }
    return ERR_NONE;
}

static bool is_asked(const struct policy_budget *b, int metric)
{
    return b->limits[metric].is_set || b->changes[metric].is_set;
}

static enum err_code take_finding(struct reader *r, const char *way,
                                  const struct policy_raw_finding *raw, struct policy_finding *ret)
{
    static const char *const confidences[] = {"none", "low", "medium", NULL};
    const char *kinds[FINDING_KINDS + 2] = {"any"};
    int kind = 0;
    int above = 0;
    for (int i = 0; i < FINDING_KINDS; i++) {
        kinds[i + 1] = finding_name((enum finding_kind)i);
    }
    enum err_code code = take_word(r, way, "kind", raw->kind, kinds, &kind);
    code = code == ERR_NONE ? take_word(r, way, "above", raw->above, confidences, &above) : code;
    ret->is_any_kind = kind == 0;
    ret->kind = (enum finding_kind)(kind > 0 ? kind - 1 : 0);
    ret->above = above - 1;
    return code == ERR_NONE ? take_count(r, way, "max", raw->max, INT64_MAX, &ret->max) : code;
}

static enum err_code take_findings(struct reader *r, const char *way,
                                   const struct policy_raw_budget *raw, struct policy_budget *b)
{
    enum err_code code = ERR_NONE;
    b->findings = mem_zero(raw->findings_count + 1, sizeof *b->findings);
    for (unsigned i = 0; i < raw->findings_count && code == ERR_NONE; i++) {
        char *full = mem_format("%s/findings/%u", way, i);
        code = take_finding(r, full, &raw->findings[i], &b->findings[b->finding_count++]);
        free(full);
    }
    if (code == ERR_NONE && b->finding_count != 0 &&
        (policy_window_is_set(&b->window) || b->is_each_site)) {
        code = policy_text_fail(&r->text, policy_text_place(&r->text, way), r->reterr,
                                "findings are of the whole run: no window, no phase, no each");
    }
    return code;
}

/* Which metrics go with a window, an op, each site. */
static enum err_code check_metrics(struct reader *r, const char *way, const struct policy_budget *b)
{
    bool is_partial = policy_window_is_set(&b->window);
    bool has_any = b->finding_count != 0;
    for (int m = 0; m < METRIC_COUNT; m++) {
        enum budget_metric metric = (enum budget_metric)m;
        const char *key = budget_metric_facts(metric)->key;
        if (!is_asked(b, m)) {
            continue;
        }
        has_any = true;
        const char *wanted =
            m == METRIC_FINDINGS ? "a list of its own: findings: [ { kind: ... } ]" : NULL;
        bool is_sites = metric == METRIC_SITES || metric == METRIC_NEW_SITES;
        if (is_partial && !budget_metric_is_of_calls(metric) && !is_sites) {
            wanted =
                "a metric of calls (allocs, bytes, time, p99, ...): within a window or a phase "
                "no other can be told";
        } else if (budget_metric_is_of_run(metric) && (b->has_match || b->is_each_site)) {
            wanted = "a budget without match and each: this belongs to the whole run";
        } else if (b->is_each_site && is_sites && b->limits[m].is_set) {
            wanted = "a budget without each: one site is always one";
        }
        if (wanted != NULL) {
            const char *part = b->limits[m].is_set ? "limits" : "baseline";
            char *full = mem_format("%s/%s", way, part);
            enum err_code code = fail(r, full, key, "...", wanted);
            free(full);
            return code;
        }
    }
    return has_any ? ERR_NONE
                   : policy_text_fail(
                         &r->text, policy_text_place(&r->text, way), r->reterr,
                         "budget '%s' limits nothing: give it 'limits', 'baseline' or 'findings'",
                         b->name);
}

static const char *const severities[] = {"error", "warn", NULL};
static const char *const improvements[] = {"note", "warn", "fail", NULL};

/* What a budget and the defaults share. */
static enum err_code take_manners(struct reader *r, const char *way, const char *min_samples,
                                  const char *severity, const char *on_improvement,
                                  const char *allow_dropped, struct policy_budget *ret)
{
    int of_severity = (int)ret->severity;
    int of_improvement = (int)ret->on_improvement;
    enum err_code code =
        take_count(r, way, "min_samples", min_samples, INT64_MAX, &ret->min_samples);
    if (code == ERR_NONE) {
        code = take_word(r, way, "severity", severity, severities, &of_severity);
    }
    if (code == ERR_NONE) {
        code = take_word(r, way, "on_improvement", on_improvement, improvements, &of_improvement);
    }
    ret->severity = (enum policy_severity)of_severity;
    ret->on_improvement = (enum policy_improvement)of_improvement;
    return code == ERR_NONE ? take_flag(r, way, "allow_dropped", allow_dropped, &ret->allow_dropped)
                            : code;
}

static enum err_code take_parts(struct reader *r, const char *way,
                                const struct policy_raw_budget *raw, struct policy_budget *b)
{
    static const char *const eaches[] = {"site", NULL};
    int each = -1;
    char *match = mem_format("%s/match", way);
    char *limits = mem_format("%s/limits", way);
    char *baseline = mem_format("%s/baseline", way);
    char *tolerance = mem_format("%s/tolerance", way);
    char *window = mem_format("%s/window", way);
    b->has_match = raw->match != NULL;
    enum err_code code =
        raw->match != NULL ? take_match(r, match, raw->match, &b->match) : ERR_NONE;
    code = code == ERR_NONE ? take_word(r, way, "each", raw->each, eaches, &each) : code;
    b->is_each_site = each == 0;
    code = code == ERR_NONE ? take_limits(r, limits, raw->limits, b) : code;
    code = code == ERR_NONE ? take_changes(r, baseline, raw->baseline, b) : code;
    code = code == ERR_NONE ? take_tolerance(r, tolerance, raw->tolerance, &b->tolerance) : code;
    code = code == ERR_NONE ? take_window(r, window, raw->window, &b->window) : code;
    free(window);
    free(tolerance);
    free(baseline);
    free(limits);
    free(match);
    return code;
}

static enum err_code check_names(struct reader *r, const char *way, const struct policy_budget *b)
{
    const struct policy *policy = r->policy;
    if (b->name[0] == '\0') {
        return fail(r, way, "name", "", "a name: reports and the baseline know a budget by it");
    }
    for (size_t i = 0; i < policy->budgets.count; i++) {
        if (policy->budgets.at[i].name == b->name) { /* kept texts: equal ones are one */
            return fail(r, way, "name", b->name, "a name that no other budget has");
        }
    }
    if (b->per != NULL && policy->units_from == POLICY_UNITS_NONE) {
        return fail(r, way, "per", b->per, "units: this policy says 'units: {from: none}'");
    }
    if (b->per != NULL && policy->units_name != NULL && strcmp(b->per, "unit") != 0 &&
        strcmp(b->per, policy->units_name) != 0) {
        char *wanted = mem_format("'%s', the name of the units in this policy", policy->units_name);
        enum err_code code = fail(r, way, "per", b->per, wanted);
        free(wanted);
        return code;
    }
    return ERR_NONE;
}

static enum err_code take_budget(struct reader *r, size_t index,
                                 const struct policy_raw_budget *raw)
{
    char way[WAY_BYTES];
    snprintf(way, sizeof way, "budgets/%zu", index);
    struct policy_budget b = r->defaults;
    b.name = keep(r, raw->name);
    b.per = keep(r, raw->per);
    b.line = policy_text_place(&r->text, way).line;
    enum err_code code = check_names(r, way, &b);
    code = code == ERR_NONE ? take_parts(r, way, raw, &b) : code;
    code = code == ERR_NONE ? take_manners(r, way, raw->min_samples, raw->severity,
                                           raw->on_improvement, raw->allow_dropped, &b)
                            : code;
    code = code == ERR_NONE ? take_findings(r, way, raw, &b) : code;
    code = code == ERR_NONE ? check_metrics(r, way, &b) : code;
    if (code == ERR_NONE) {
        *MEM_PUSH(&r->policy->budgets) = b;
    } else {
        free(b.findings);
    }
    return code;
}

static enum err_code take_ignore(struct reader *r, size_t index,
                                 const struct policy_raw_ignore *raw)
{
    char way[WAY_BYTES];
    struct policy_ignore ignore = {.leaks_only = false};
    snprintf(way, sizeof way, "ignore/%zu", index);
    enum err_code code = take_match(r, way, &raw->match, &ignore.match);
    code = code == ERR_NONE ? take_flag(r, way, "leaks_only", raw->leaks_only, &ignore.leaks_only)
                            : code;
    const struct policy_match *m = &ignore.match;
    if (code == ERR_NONE && m->function == NULL && m->module == NULL && m->file == NULL &&
        m->site == NULL && m->under == NULL) {
        code = policy_text_fail(&r->text, policy_text_place(&r->text, way), r->reterr,
                                "this would ignore everything: say which function, module or file");
    }
    if (code == ERR_NONE) {
        *MEM_PUSH(&r->policy->ignores) = ignore;
    }
    return code;
}

static enum err_code take_units(struct reader *r, const struct policy_raw_units *raw)
{
    static const char *const sources[] = {"mark", "cli", "calls", "none", NULL};
    int from = raw != NULL && raw->calls != NULL ? POLICY_UNITS_CALLS : POLICY_UNITS_MARK;
    enum err_code code =
        raw != NULL ? take_word(r, "units", "from", raw->from, sources, &from) : ERR_NONE;
    r->policy->units_from = (enum policy_units)from;
    if (raw == NULL || code != ERR_NONE) {
        return code;
    }
    r->policy->units_name = keep(r, raw->name);
    if (from == POLICY_UNITS_CALLS && raw->calls == NULL) {
        return policy_text_fail(&r->text, policy_text_place(&r->text, "units"), r->reterr,
                                "'calls' is missing here: whose calls are the units, as in calls: "
                                "\"libproto.so*!read_message\" or calls: malloc");
    }
    return take_glob(r, "units", "calls", raw->calls, &r->policy->units_calls);
}

static enum err_code take_defaults(struct reader *r, const struct policy_raw_defaults *raw)
{
    static const char *const merges[] = {"min", "median", NULL};
    int merge = 0;
    if (raw == NULL) {
        return ERR_NONE;
    }
    enum err_code code =
        take_tolerance(r, "defaults/tolerance", raw->tolerance, &r->defaults.tolerance);
    code = code == ERR_NONE
               ? take_count(r, "defaults", "runs", raw->runs, POLICY_RUNS_MAX, &r->policy->runs)
               : code;
    code = code == ERR_NONE ? take_word(r, "defaults", "aggregate", raw->aggregate, merges, &merge)
                            : code;
    r->policy->is_median = merge == 1;
    return code == ERR_NONE ? take_manners(r, "defaults", raw->min_samples, raw->severity,
                                           raw->on_improvement, raw->allow_dropped, &r->defaults)
                            : code;
}

static enum err_code take_all(struct reader *r, const struct policy_raw *raw)
{
    if (strcmp(raw->version, "1") != 0) {
        return fail(r, "", "version", raw->version, "1: this program knows no other");
    }
    enum err_code code = take_defaults(r, raw->defaults);
    code = code == ERR_NONE ? take_units(r, raw->units) : code;
    code = code == ERR_NONE ? take_window(r, "window", raw->window, &r->defaults.window) : code;
    for (size_t i = 0; i < raw->ignore_count && code == ERR_NONE; i++) {
        code = take_ignore(r, i, &raw->ignore[i]);
    }
    for (size_t i = 0; i < raw->budgets_count && code == ERR_NONE; i++) {
        code = take_budget(r, i, &raw->budgets[i]);
    }
    return code;
}

/* A latency is never judged on less than both floors. */
static void set_floors(struct policy *policy)
{
    for (size_t i = 0; i < policy->budgets.count; i++) {
        struct policy_tolerance *t = &policy->budgets.at[i].tolerance;
        t->latency_relative = t->has_relative ? t->relative : LATENCY_RELATIVE;
        t->latency_absolute =
            t->has_absolute && t->absolute_unit == BUDGET_NS ? t->absolute : LATENCY_ABSOLUTE;
    }
}

static enum err_code parse(struct reader *r)
{
    struct policy_raw *raw = NULL;
    enum err_code code = policy_schema_load(&r->text, &raw, r->reterr);
    if (code == ERR_NONE) {
        code = take_all(r, raw);
        policy_schema_free(raw);
    }
    if (code == ERR_NONE) {
        set_floors(r->policy);
    }
    return code;
}

static struct reader reader_for(const char *path, struct err *reterr)
{
    struct reader r = {.policy = mem_zero(1, sizeof *r.policy), .reterr = reterr};
    r.policy->strings = mem_strings_create();
    r.policy->path = mem_strings_keep(r.policy->strings, path);
    return r;
}

static enum err_code finish(struct reader *r, enum err_code code, struct policy **ret)
{
    policy_text_finish(&r->text);
    if (code != ERR_NONE) {
        policy_destroy(r->policy);
        return code;
    }
    *ret = r->policy;
    return ERR_NONE;
}

enum err_code policy_load(const char *path, struct policy **ret, struct err *reterr)
{
    struct reader r = reader_for(path, reterr);
    enum err_code code = policy_text_read(path, &r.text, reterr);
    return finish(&r, code == ERR_NONE ? parse(&r) : code, ret);
}

enum err_code policy_parse(const char *path, const char *bytes, size_t length, struct policy **ret,
                           struct err *reterr)
{
    struct reader r = reader_for(path, reterr);
    enum err_code code = policy_text_take(path, bytes, length, &r.text, reterr);
    return finish(&r, code == ERR_NONE ? parse(&r) : code, ret);
}

void policy_destroy(struct policy *policy)
{
    if (policy != NULL) {
        for (size_t i = 0; i < policy->budgets.count; i++) {
            free(policy->budgets.at[i].findings);
        }
        free(policy->ignores.at);
        free(policy->budgets.at);
        mem_strings_destroy(policy->strings);
        free(policy);
    }
}

bool policy_wants_baseline(const struct policy *policy)
{
    for (size_t i = 0; i < policy->budgets.count; i++) {
        for (int m = 0; m < METRIC_COUNT; m++) {
            if (policy->budgets.at[i].changes[m].is_set) {
                return true;
            }
        }
    }
    return false;
}

bool policy_window_is_set(const struct policy_window *window)
{
    return window->skip_ns != 0 || window->after_mark != NULL || window->until_mark != NULL ||
           window->phase != NULL || window->zone != NULL;
}

bool policy_budget_is_partial(const struct policy_budget *budget)
{
    return policy_window_is_set(&budget->window) || budget->match.has_calls;
}
