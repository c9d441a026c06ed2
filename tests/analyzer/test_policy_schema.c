/* Which keys a policy file has, which hold what, and where a wrong one stands. */
#include "budget/policy_schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "budget/policy.h"

enum { VALUE_MAX = 512, FINDINGS_MAX = 64 }; /* longer texts, more findings: refused */

static enum err_code load(const char *bytes, struct policy_raw **ret, struct err *reterr)
{
    struct policy_text text;
    cr_assert_eq(policy_text_take("p", bytes, strlen(bytes), &text, reterr), ERR_NONE, "%s",
                 reterr->message);
    enum err_code code = policy_schema_load(&text, ret, reterr);
    policy_text_finish(&text); /* nothing that was loaded may need it */
    return code;
}

static struct policy_raw *good(const char *bytes)
{
    struct policy_raw *raw = NULL;
    struct err err = {0};
    cr_assert_eq(load(bytes, &raw, &err), ERR_NONE, "%s", err.message);
    cr_assert_not_null(raw);
    return raw;
}

/* The whole message, so that line and column are held to. */
static void bad(const char *bytes, const char *message)
{
    struct policy_raw *untouched = (struct policy_raw *)&untouched;
    struct policy_raw *raw = untouched;
    struct err err = {0};
    cr_assert_eq(load(bytes, &raw, &err), ERR_USAGE, "%s", bytes);
    cr_assert_str_eq(err.message, message);
    cr_assert_eq(raw, untouched, "set only on success");
}

/* --- what is loaded --- */

Test(policy_schema, a_key_that_the_file_does_not_have_is_null)
{
    struct policy_raw *raw = good("version: 1\nbudgets: [ { name: x } ]\n");
    cr_assert(raw->defaults == NULL && raw->units == NULL && raw->window == NULL);
    cr_assert(raw->ignore == NULL && raw->ignore_count == 0 && raw->budgets_count == 1);
    const struct policy_raw_budget *b = &raw->budgets[0];
    cr_assert(b->match == NULL && b->per == NULL && b->each == NULL && b->limits == NULL);
    cr_assert(b->baseline == NULL && b->tolerance == NULL && b->window == NULL);
    cr_assert(b->findings == NULL && b->findings_count == 0 && b->min_samples == NULL);
    cr_assert(b->severity == NULL && b->on_improvement == NULL && b->allow_dropped == NULL);
    policy_schema_free(raw);
}

/* Each value is its key's own name, so that none can be in another's place. */
Test(policy_schema, each_key_of_a_budget_has_its_place)
{
    struct policy_raw *raw =
        good("version: version\n"
             "budgets:\n"
             "  - { name: other }\n"
             "  - name: name\n"
             "    match: { op: op, under: under, site: site, file: file, module: module, "
             "function: function }\n"
             "    per: per\n"
             "    each: each\n"
             "    window: { phase: phase, until_mark: until_mark, after_mark: after_mark, "
             "skip: skip }\n"
             "    findings: [ { kind: one }, { max: max, above: above, kind: kind } ]\n"
             "    min_samples: min_samples\n"
             "    severity: severity\n"
             "    on_improvement: on_improvement\n"
             "    allow_dropped: allow_dropped\n");
    cr_assert_eq(raw->budgets_count, 2);
    const struct policy_raw_budget *b = &raw->budgets[1];
    cr_assert_str_eq(raw->version, "version");
    cr_assert_str_eq(b->name, "name");
    cr_assert_str_eq(b->match->function, "function");
    cr_assert_str_eq(b->match->module, "module");
    cr_assert_str_eq(b->match->file, "file");
    cr_assert_str_eq(b->match->site, "site");
    cr_assert_str_eq(b->match->under, "under");
    cr_assert_str_eq(b->match->op, "op");
    cr_assert_str_eq(b->per, "per");
    cr_assert_str_eq(b->each, "each");
    cr_assert_str_eq(b->window->skip, "skip");
    cr_assert_str_eq(b->window->after_mark, "after_mark");
    cr_assert_str_eq(b->window->until_mark, "until_mark");
    cr_assert_str_eq(b->window->phase, "phase");
    cr_assert_eq(b->findings_count, 2);
    cr_assert_null(b->findings[0].above);
    cr_assert_str_eq(b->findings[1].kind, "kind");
    cr_assert_str_eq(b->findings[1].above, "above");
    cr_assert_str_eq(b->findings[1].max, "max");
    cr_assert_str_eq(b->min_samples, "min_samples");
    cr_assert_str_eq(b->severity, "severity");
    cr_assert_str_eq(b->on_improvement, "on_improvement");
    cr_assert_str_eq(b->allow_dropped, "allow_dropped");
    policy_schema_free(raw);
}

Test(policy_schema, each_key_beside_the_budgets_has_its_place)
{
    struct policy_raw *raw =
        good("budgets: [ { name: x } ]\n" /* in any order */
             "window: { skip: skip, phase: phase }\n"
             "ignore:\n"
             "  - { function: function, module: module, file: file, site: site, under: under,\n"
             "      leaks_only: leaks_only }\n"
             "  - { module: second }\n"
             "units: { calls: calls, from: from, name: name }\n"
             "defaults: { allow_dropped: allow_dropped, severity: severity, min_samples: "
             "min_samples, on_improvement: on_improvement, aggregate: aggregate, runs: runs }\n"
             "version: 1\n");
    cr_assert_str_eq(raw->window->skip, "skip");
    cr_assert_str_eq(raw->window->phase, "phase");
    cr_assert_eq(raw->ignore_count, 2);
    cr_assert_str_eq(raw->ignore[0].match.function, "function");
    cr_assert_str_eq(raw->ignore[0].match.module, "module");
    cr_assert_str_eq(raw->ignore[0].match.file, "file");
    cr_assert_str_eq(raw->ignore[0].match.site, "site");
    cr_assert_str_eq(raw->ignore[0].match.under, "under");
    cr_assert_str_eq(raw->ignore[0].leaks_only, "leaks_only");
    cr_assert_null(raw->ignore[0].match.op);
    cr_assert_str_eq(raw->ignore[1].match.module, "second");
    cr_assert_null(raw->ignore[1].leaks_only);
    cr_assert_str_eq(raw->units->from, "from");
    cr_assert_str_eq(raw->units->name, "name");
    cr_assert_str_eq(raw->units->calls, "calls");
    cr_assert_str_eq(raw->defaults->runs, "runs");
    cr_assert_str_eq(raw->defaults->aggregate, "aggregate");
    cr_assert_str_eq(raw->defaults->on_improvement, "on_improvement");
    cr_assert_str_eq(raw->defaults->min_samples, "min_samples");
    cr_assert_str_eq(raw->defaults->severity, "severity");
    cr_assert_str_eq(raw->defaults->allow_dropped, "allow_dropped");
    cr_assert_null(raw->defaults->tolerance);
    policy_schema_free(raw);
}

Test(policy_schema, each_metric_has_its_place_in_limits_and_in_baseline)
{
    for (unsigned m = 0; m < METRIC_COUNT; m++) {
        const char *key = budget_metric_facts((enum budget_metric)m)->key;
        char *bytes = mem_format("version: 1\nbudgets:\n  - name: x\n    limits: { %s: 10 }\n"
                                 "    baseline: { %s: 20 }\n",
                                 key, key);
        struct policy_raw *raw = good(bytes);
        for (unsigned other = 0; other < METRIC_COUNT; other++) {
            const char *limit = raw->budgets[0].limits->text[other];
            const char *change = raw->budgets[0].baseline->text[other];
            cr_assert_eq(limit != NULL, other == m, "%s", key);
            cr_assert_eq(change != NULL, other == m, "%s", key);
        }
        cr_assert_str_eq(raw->budgets[0].limits->text[m], "10");
        cr_assert_str_eq(raw->budgets[0].baseline->text[m], "20");
        policy_schema_free(raw);
        free(bytes);
    }
}

/* policy.c knows what they mean: no number, no truth value, no null. */
Test(policy_schema, values_are_texts_as_they_were_written)
{
    struct policy_raw *raw = good("version: 0x1\nbudgets:\n  - name: 'a: b'\n    per: ''\n"
                                  "    each: ~\n    severity: yes\n    min_samples: 1e3\n");
    const struct policy_raw_budget *b = &raw->budgets[0];
    cr_assert_str_eq(raw->version, "0x1");
    cr_assert_str_eq(b->name, "a: b");
    cr_assert_str_eq(b->per, "");
    cr_assert_str_eq(b->each, "~");
    cr_assert_str_eq(b->severity, "yes");
    cr_assert_str_eq(b->min_samples, "1e3");
    policy_schema_free(raw);
}

Test(policy_schema, one_tolerance_is_short_for_a_relative_one)
{
    struct policy_raw *raw = good("version: 1\n"
                                  "defaults: { tolerance: 1%, runs: 3 }\n"
                                  "budgets:\n"
                                  "  - { name: none }\n"
                                  "  - { name: short, tolerance: \"5 %\", per: line }\n"
                                  "  - { name: long, tolerance: { absolute: 4 KiB } }\n"
                                  "  - name: last\n"
                                  "    tolerance: 7%");
    cr_assert_str_eq(raw->defaults->tolerance->relative, "1%");
    cr_assert_null(raw->defaults->tolerance->absolute);
    cr_assert_str_eq(raw->defaults->runs, "3");
    cr_assert_null(raw->budgets[0].tolerance);
    cr_assert_str_eq(raw->budgets[1].tolerance->relative, "5 %");
    cr_assert_str_eq(raw->budgets[1].per, "line");
    cr_assert_null(raw->budgets[2].tolerance->relative);
    cr_assert_str_eq(raw->budgets[2].tolerance->absolute, "4 KiB");
    cr_assert_str_eq(raw->budgets[3].tolerance->relative, "7%");
    policy_schema_free(raw);
}

/* --- what is refused, and where it stands --- */

/* The way to a key is found through lists and mappings, not through what stood before it. */
Test(policy_schema, an_unknown_key_is_told_among_those_of_its_own_place)
{
    bad("version: 1\nbudgets:\n  - name: x\n    match: { function: f }\n    limts: { bytes: 1 }\n",
        "p:5:5: 'limts' is not known here; did you mean 'limits'?");
    bad("version: 1\nbudgets:\n  - { name: x }\n  - name: y\n    window: { skip: 1s, fase: a }\n",
        "p:5:25: 'fase' is not known here; did you mean 'phase'?");
    bad("version: 1\nignore: [ { module: m }, { modul: m } ]\nbudgets: [ { name: x } ]\n",
        "p:2:28: 'modul' is not known here; did you mean 'module'?");
    bad("version: 1\nbudgets:\n  - name: x\n    findings: [ { kind: k, abov: 1 } ]\n",
        "p:4:28: 'abov' is not known here; did you mean 'above'?");
    bad("version: 1\ndefaults: { tolerance: { relativ: 1% } }\nbudgets: [ { name: x } ]\n",
        "p:2:26: 'relativ' is not known here; did you mean 'relative'?");
}

Test(policy_schema, a_key_of_another_place_is_unknown_here)
{
    bad("version: 1\nignore: [ { function: f, op: malloc } ]\nbudgets: [ { name: x } ]\n",
        "p:2:26: 'op' is not known here; known are: function, module, file, site, under, "
        "leaks_only");
    bad("version: 1\nunits: { skip: 1s }\nbudgets: [ { name: x } ]\n",
        "p:2:10: 'skip' is not known here; known are: from, name, calls");
    bad("version: 1\nbudgets: [ { name: x, BYTES: 1 } ]\n",
        "p:2:23: 'BYTES' is not known here; known are: name, match, per, each, limits, baseline, "
        "tolerance, window, findings, min_samples, severity, on_improvement, allow_dropped");
}

Test(policy_schema, a_missing_key_is_told_where_it_should_stand)
{
    bad("version: 1\n", "p:1:1: 'budgets' is missing here");
    bad("version: 1\nbudgets:\n  - { name: x }\n  - match: { function: f }\n",
        "p:4:5: 'name' is missing here");
    bad("version: 1\nbudgets:\n  - name: x\n    findings:\n      - { kind: k }\n"
        "      - { max: 1, above: 2 }\n",
        "p:6:9: 'kind' is missing here");
    bad("units: { name: line }\nbudgets: [ { name: x } ]\n", "p:1:1: 'version' is missing here");
}

Test(policy_schema, what_has_the_wrong_shape_is_told_which_one_is_wanted)
{
    bad("version: 1\nbudgets:\n  - name: x\n    match: f\n",
        "p:4:12: 'key: value' lines are wanted here");
    bad("version: 1\nbudgets:\n  - name: x\n    limits: { bytes: { max: 1 } }\n",
        "p:4:22: one value is wanted here, not a list or a mapping");
    bad("version: 1\nbudgets: { name: x }\n",
        "p:2:10: a list is wanted here: lines that begin with '- '");
    bad("version: 1\nbudgets: [ x ]\n", "p:2:12: 'key: value' lines are wanted here");
    bad("version: 1\nbudgets:\n  - name: x\n    tolerance: [ 5% ]\n",
        "p:4:16: 'key: value' lines are wanted here");
    bad("just a text\n", "p:1:1: 'key: value' lines are wanted here");
}

/* Text, as a budget's name. */
static char *named(const char *name)
{
    return mem_format("version: 1\nbudgets: [ { name: '%s' } ]\n", name);
}

static void expect_place(const char *bytes, const char *place)
{
    struct policy_raw *raw = NULL;
    struct err err = {0};
    cr_assert_eq(load(bytes, &raw, &err), ERR_USAGE);
    cr_assert_eq(strncmp(err.message, place, strlen(place)), 0, "%s", err.message);
    cr_assert_gt(strlen(err.message), strlen(place), "and says why");
}

Test(policy_schema, a_value_may_be_so_long_and_no_longer)
{
    char name[VALUE_MAX + 2];
    memset(name, 'n', sizeof name);
    name[VALUE_MAX] = '\0';
    char *longest = named(name);
    struct policy_raw *raw = good(longest);
    cr_assert_str_eq(raw->budgets[0].name, name);
    name[VALUE_MAX] = 'n';
    name[VALUE_MAX + 1] = '\0';
    char *too_long = named(name);
    expect_place(too_long, "p:2:20: ");
    policy_schema_free(raw);
    free(longest);
    free(too_long);
}

static char *with_findings(unsigned count)
{
    char *bytes = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&bytes, &length);
    fputs("version: 1\nbudgets:\n  - name: x\n    findings:\n", out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "      - { kind: k%u }\n", i);
    }
    fclose(out);
    return bytes;
}

Test(policy_schema, lists_have_an_end)
{
    char *most = with_findings(FINDINGS_MAX);
    char *too_many = with_findings(FINDINGS_MAX + 1);
    struct policy_raw *raw = good(most);
    cr_assert_eq(raw->budgets[0].findings_count, FINDINGS_MAX);
    cr_assert_str_eq(raw->budgets[0].findings[FINDINGS_MAX - 1].kind, "k63");
    expect_place(too_many, "p:5:7: ");
    expect_place("version: 1\nbudgets: []\n", "p:2:10: ");
    policy_schema_free(raw);
    free(most);
    free(too_many);
}

/* Of two limits, one would be held and the other forgotten. */
Test(policy_schema, a_key_that_stands_twice_is_refused)
{
    expect_place("version: 1\nbudgets: [ { name: x, name: y } ]\n", "p:2:20: ");
    expect_place("version: 1\nbudgets:\n  - name: x\n    limits: { allocs: 1 }\n"
                 "    limits: { bytes: 2 }\n",
                 "p:4:13: ");
    expect_place("version: 1\nbudgets: [ { name: x } ]\nbudgets: [ { name: y } ]\n", "p:2:10: ");
}

/* --- the nearest word --- */

#define NEAREST(word, ...) policy_schema_nearest(word, (const char *const[]){__VA_ARGS__, NULL})

Test(policy_schema, the_nearest_word_is_a_few_changes_away)
{
    cr_assert_str_eq(NEAREST("alocs", "frees", "allocs", "bytes"), "allocs", "one is missing");
    cr_assert_str_eq(NEAREST("alllocs", "frees", "allocs", "bytes"), "allocs", "one too many");
    cr_assert_str_eq(NEAREST("bites", "frees", "allocs", "bytes"), "bytes", "one is another");
    cr_assert_str_eq(NEAREST("xyte", "bytes", "byte"), "byte", "the fewest changes");
    cr_assert_str_eq(NEAREST("xytes", "aytes", "bytes"), "aytes", "of two the first");
}

Test(policy_schema, a_word_of_which_half_is_wrong_is_the_last_that_is_like_another)
{
    cr_assert_str_eq(NEAREST("abxx", "abcd"), "abcd");
    cr_assert_null(NEAREST("axxx", "abcd"));
    cr_assert_str_eq(NEAREST("x", "x"), "x");
    cr_assert_null(NEAREST("x", "y"));
    cr_assert_null(NEAREST("", "a", "ab"));
    cr_assert_null(policy_schema_nearest("a", (const char *const[]){NULL}));
}

Test(policy_schema, the_beginning_of_a_word_is_like_it_from_three_letters_on)
{
    cr_assert_str_eq(NEAREST("tol", "window", "tolerance"), "tolerance");
    cr_assert_null(NEAREST("to", "window", "tolerance"));
    cr_assert_str_eq(NEAREST("runs_of_each_budget", "window", "runs"), "runs");
}

/* Of several beginnings, it is the one with the fewest changes. */
Test(policy_schema, a_shorter_word_does_not_stand_before_the_one_that_was_meant)
{
    cr_assert_str_eq(NEAREST("peak_rs", "peak", "peak_rss"), "peak_rss");
    cr_assert_str_eq(NEAREST("p9999", "p99", "p999"), "p999");
    cr_assert_str_eq(NEAREST("free_size", "free", "free_sized"), "free_sized");
    cr_assert_str_eq(NEAREST("peak_rss", "peak", "peak_rss"), "peak_rss", "it is there");
}

Test(policy_schema, words_of_any_length_can_be_asked_for)
{
    enum { LONG = 4000 };
    char *word = mem_zero(LONG + 1, 1);
    memset(word, 'a', LONG);
    cr_assert_null(NEAREST(word, "b", "bytes"));
    cr_assert_str_eq(NEAREST(word, "b", "aaa"), "aaa", "it begins so");
    cr_assert_null(NEAREST("bytes", word));
    free(word);
}
