/* A policy file: what it means, and that each mistake is told with its place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "budget/policy.h"

static struct policy *good(const char *text)
{
    struct policy *policy = NULL;
    struct err err = {0};
    cr_assert_eq(policy_parse("p.yaml", text, strlen(text), &policy, &err), ERR_NONE, "%s",
                 err.message);
    return policy;
}

/* The whole message, so that line and column are held to. */
static void bad(const char *text, const char *message)
{
    struct policy *policy = NULL;
    struct err err = {0};
    cr_assert_eq(policy_parse("p.yaml", text, strlen(text), &policy, &err), ERR_USAGE, "%s", text);
    cr_assert_str_eq(err.message, message);
}

Test(policy, an_example_means_what_it_says)
{
    struct policy *p =
        good("version: 1\n"
             "defaults: { tolerance: 1%, runs: 5, aggregate: median, min_samples: 7 }\n"
             "units: { name: request }\n"
             "window: { after_mark: warm }\n"
             "ignore: [ { module: \"libnss_*\", leaks_only: yes } ]\n"
             "budgets:\n"
             "  - name: lean\n"
             "    match: { function: \"parse_*\", op: malloc|calloc }\n"
             "    per: request\n"
             "    limits: { allocs: 0.5, bytes: 1 KiB, p99: 250ns }\n"
             "    tolerance: { relative: 25%, absolute: 200ns }\n"
             "    severity: warn\n"
             "  - name: sites\n"
             "    each: site\n"
             "    baseline: { allocs: +5%, new_sites: 0 }\n");
    cr_assert_eq(p->budgets.count, 2);
    const struct policy_budget *lean = &p->budgets.at[0];
    cr_assert(p->runs == 5 && p->is_median && p->ignores.at[0].leaks_only);
    cr_assert(lean->match.calls[CALL_MALLOC] && lean->match.calls[CALL_CALLOC]);
    cr_assert(!lean->match.calls[CALL_FREE] && lean->severity == POLICY_WARN);
    cr_assert_eq(
        budget_ratio_compare(lean->limits[METRIC_ALLOCS].value, (struct budget_ratio){1, 2}), 0);
    cr_assert(lean->tolerance.relative.num == 25 && lean->tolerance.absolute.num == 200);
    cr_assert_eq(lean->line, 7);
    cr_assert_str_eq(lean->window.after_mark, "warm");
    cr_assert_eq(lean->min_samples, 7);
    const struct policy_budget *sites = &p->budgets.at[1];
    cr_assert(sites->is_each_site && sites->changes[METRIC_ALLOCS].is_percent);
    cr_assert(sites->tolerance.relative.num == 1 && policy_wants_baseline(p));
    /* latencies have both floors even when nobody gives them */
    cr_assert(sites->tolerance.latency_absolute.num == 100);
    policy_destroy(p);
}

Test(policy, unknown_keys_are_told_with_their_place_and_the_nearest)
{
    bad("version: 1\nbudgets:\n  - name: x\n    limits: { bytes: 1, alocs: 3 }\n",
        "p.yaml:4:25: 'alocs' is not known here; did you mean 'allocs'?");
    bad("version: 1\nbudgets:\n  - name: x\n    limit: { bytes: 1 }\n",
        "p.yaml:4:5: 'limit' is not known here; did you mean 'limits'?");
    bad("version: 1\nbudget: []\n", "p.yaml:2:1: 'budget' is not known here; did you mean "
                                    "'budgets'?");
    bad("version: 1\nwindow: { zzzzzz: 1 }\nbudgets: [{ name: x }]\n",
        "p.yaml:2:11: 'zzzzzz' is not known here; known are: skip, after_mark, until_mark, phase");
    /* the short form before it on the line does not move the column */
    bad("version: 1\ndefaults: { tolerance: 1%, rnus: 3 }\nbudgets: [{ name: x }]\n",
        "p.yaml:2:28: 'rnus' is not known here; did you mean 'runs'?");
}

Test(policy, wrong_values_are_told_with_their_place)
{
    bad("version: 1\nbudgets:\n  - name: x\n    limits: { bytes: 24 MiBB }\n",
        "p.yaml:4:22: 'bytes: 24 MiBB': wanted is a size, as in 24 MiB, 10 kB or 512");
    bad("version: 1\nbudgets:\n  - name: x\n    limits: { p99: 250 }\n",
        "p.yaml:4:20: 'p99: 250': wanted is a time with its unit, as in 250ns, 20us, 2 ms or 1 s");
    bad("version: 1\nbudgets:\n  - name: x\n    severity: wran\n    limits: { bytes: 1 }\n",
        "p.yaml:4:15: 'severity: wran': wanted is one of: error warn; did you mean 'warn'?");
    bad("version: 1\nbudgets:\n  - name: x\n    match: { op: maloc }\n    limits: { bytes: 1 }\n",
        "p.yaml:4:18: 'op: maloc': wanted is one of: malloc calloc realloc reallocarray free cfree "
        "posix_memalign aligned_alloc memalign valloc pvalloc free_sized free_aligned_sized "
        "operator new operator new[] operator delete operator delete[] mallocx rallocx dallocx "
        "sdallocx mi_malloc mi_calloc mi_realloc mi_free; did you mean 'malloc'?");
    bad("version: 2\nbudgets: [{ name: x }]\n",
        "p.yaml:1:10: 'version: 2': wanted is 1: this program knows no other");
}

Test(policy, wrong_shapes_are_told)
{
    bad("budgets: [{ name: x, limits: {bytes: 1} }]\n", "p.yaml:1:1: 'version' is missing here");
    bad("version: 1\nbudgets:\n  - limits: {bytes: 1}\n", "p.yaml:3:5: 'name' is missing here");
    bad("version: 1\nbudgets:\n  - name: [1]\n",
        "p.yaml:3:11: one value is wanted here, not a list or a mapping");
    bad("version: 1\nbudgets: 3\n", "p.yaml:2:10: a list is wanted here: lines that begin with "
                                    "'- '");
    bad("version: 1\n budgets: 3\n",
        "p.yaml:2:9: this is not YAML: mapping values are not allowed in this context");
    bad("", "p.yaml:1:1: the file is empty; a policy begins with 'version: 1'");
}

Test(policy, what_cannot_be_judged_is_refused)
{
    bad("version: 1\nbudgets:\n  - name: x\n",
        "p.yaml:3:5: budget 'x' limits nothing: give it 'limits', 'baseline' or 'findings'");
    bad("version: 1\nbudgets:\n  - name: x\n    window: { phase: a }\n    limits: { peak: 1 }\n",
        "p.yaml:5:21: 'peak: ...': wanted is a metric of calls (allocs, bytes, time, p99, ...): "
        "within a window or a phase no other can be told");
    bad("version: 1\nbudgets:\n  - name: x\n    baseline: { p99: +5% }\n",
        "p.yaml:4:22: 'p99: +5%': wanted is a metric that stays the same from run to run; give "
        "this "
        "one a limit");
    bad("version: 1\nbudgets:\n  - {name: x, limits: {bytes: 1}}\n  - {name: x, limits: {bytes: "
        "1}}\n",
        "p.yaml:4:12: 'name: x': wanted is a name that no other budget has");
    bad("version: 1\nignore: [ { leaks_only: true } ]\nbudgets: [{name: x, limits: {bytes: 1}}]\n",
        "p.yaml:2:11: this would ignore everything: say which function, module or file");
    bad("version: 1\nbudgets:\n  - name: x\n    match: { function: 're:^a' }\n    limits: {bytes: "
        "1}\n",
        "p.yaml:4:24: 'function: re:^a': wanted is a pattern of * ? [..] and |; regular "
        "expressions "
        "are not supported");
}

Test(policy, hostile_files_are_refused)
{
    struct policy *policy = NULL;
    struct err err = {0};
    bad("version: &a 1\nbudgets: [*a]\n",
        "p.yaml:2:11: aliases (*name) are not allowed in a policy; write it out");
    bad("version: 1\nbudgets: []\n---\nbudgets: []\n",
        "p.yaml:3:1: a second document (---): its budgets would not be held; put both into one");
    bad("version: 1\nbudgets: [{name: \"a\\0b\", limits: {bytes: 1}}]\n",
        "p.yaml:2:18: a NUL (\\0) in a text");
    bad("version: 1\n? [a]\n: b\n", "p.yaml:2:3: a key is one word, not a list or a map");
    char *deep = mem_zero(4096, 1);
    memset(deep, '[', 4000);
    cr_assert_eq(policy_parse("p", deep, 4000, &policy, &err), ERR_USAGE);
    cr_assert_eq(policy_parse("p", "a\0b", 3, &policy, &err), ERR_USAGE);
    cr_assert_eq(policy_parse("p", "a: b\r\n", 6, &policy, &err), ERR_USAGE);
    free(deep);
    size_t length = (1 << 20) + 1;
    char *big = mem_zero(length + 1, 1);
    memset(big, '#', length);
    cr_assert_eq(policy_parse("p", big, length, &policy, &err), ERR_USAGE);
    free(big);
}

Test(policy, more_budgets_than_any_policy_has_are_refused, .timeout = 30)
{
    struct policy *policy = NULL;
    struct err err = {0};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    fputs("version: 1\nbudgets:\n", out);
    for (int i = 0; i <= POLICY_BUDGETS_MAX; i++) {
        fprintf(out, "- {name: b%d, limits: {bytes: 1}}\n", i);
    }
    fclose(out);
    cr_assert_eq(policy_parse("p", text, length, &policy, &err), ERR_USAGE);
    cr_assert_not_null(strstr(err.message, "entries"), "%s", err.message);
    free(text);
}
