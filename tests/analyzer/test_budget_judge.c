/* One limit against one number: where it breaks, what softens it, and what is never judged. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget_judge.h"
#include "story_profile.h"

static const struct policy no_rules;

/* One budget over one run; the profile's call sites matter to tests of call sites alone. */
static struct {
    struct policy_budget budget;
    struct budget_run run;
    struct budget_measure measure;
    struct baseline *baseline;
    uint64_t units;
    struct check check;
} scene;

static void begin(void)
{
    scene.budget.name = "b";
    scene.units = 1;
    scene.budget.tolerance.latency_relative = (struct budget_ratio){0, 1};
    scene.budget.tolerance.latency_absolute = (struct budget_ratio){0, 1};
    scene.run.profile = profile_create();
}

static void end(void)
{
    check_finish(&scene.check);
    budget_measure_finish(&scene.measure);
    budget_rows_finish(&scene.run.whole);
    budget_sites_finish(&scene.run.sites);
    baseline_destroy(scene.baseline);
    profile_destroy(scene.run.profile);
}

TestSuite(budget_judge, .init = begin, .fini = end);

static void set_limit(enum budget_metric metric, uint64_t value)
{
    scene.budget.limits[metric] = (struct policy_limit){true, {value, 1}};
}

/* At most so many percent more than the baseline. */
static void set_change(enum budget_metric metric, uint64_t percent)
{
    scene.budget.changes[metric] =
        (struct policy_change){.is_set = true, .is_percent = true, .by = {percent, 1}};
}

static struct baseline_variant *variant(void)
{
    if (scene.baseline == NULL) {
        scene.baseline = baseline_create();
        baseline_renew(scene.baseline, BASELINE_VARIANT);
    }
    return &scene.baseline->variants.at[0];
}

static struct baseline_entry *set_base(enum budget_metric metric, uint64_t value)
{
    struct baseline_variant *v = variant(); /* it makes the baseline */
    struct baseline_entry *entry = baseline_add(scene.baseline, &v->budgets, "b");
    entry->has[metric] = true;
    entry->of[metric] = value;
    return entry;
}

/* The one line that comes of what was measured. */
static const struct check_line *judge(void)
{
    check_finish(&scene.check);
    scene.check = (struct check){
        .runs = &scene.run,
        .run_count = 1,
        .baseline = scene.baseline != NULL ? &scene.baseline->variants.at[0] : NULL,
    };
    struct check_budget *b = MEM_PUSH(&scene.check.budgets);
    *b = (struct check_budget){.policy = &scene.budget, .units = scene.units};
    judge_budget(&scene.check, b, &scene.measure);
    cr_assert_eq(scene.check.lines.count, 1);
    return scene.check.lines.at;
}

static void is(enum budget_metric metric, uint64_t value, enum check_verdict wanted)
{
    scene.measure.all.of[metric] = value;
    const struct check_line *line = judge();
    cr_expect_eq(line->verdict, wanted, "%s of %d: %s", budget_metric_facts(metric)->key,
                 (int)value, check_verdict_name(line->verdict));
}

static void is_skipped(const char *words)
{
    const struct check_line *line = judge();
    cr_assert_eq(line->verdict, CHECK_SKIPPED, "%s", check_verdict_name(line->verdict));
    cr_expect_not_null(strstr(line->why, words), "%s", line->why);
}

Test(budget_judge, a_limit_holds_up_to_itself)
{
    set_limit(METRIC_ALLOCS, 100);
    is(METRIC_ALLOCS, 100, CHECK_OK);
    is(METRIC_ALLOCS, 101, CHECK_BROKEN);
}

Test(budget_judge, units_divide_and_nothing_is_rounded)
{
    scene.units = 3;
    set_limit(METRIC_ALLOCS, 33);
    is(METRIC_ALLOCS, 99, CHECK_OK);
    is(METRIC_ALLOCS, 100, CHECK_BROKEN);
    cr_expect_eq(scene.check.lines.at[0].actual.num, 100);
    cr_expect_eq(scene.check.lines.at[0].actual.den, 3);
}

Test(budget_judge, it_is_broken_past_both_tolerances_alone)
{
    set_limit(METRIC_ALLOCS, 100);
    scene.budget.tolerance = (struct policy_tolerance){
        .has_relative = true, .has_absolute = true, .relative = {5, 1}, .absolute = {10, 1}};
    is(METRIC_ALLOCS, 110, CHECK_OK);
    is(METRIC_ALLOCS, 111, CHECK_BROKEN);
    scene.budget.tolerance.relative.num = 20;
    is(METRIC_ALLOCS, 120, CHECK_OK);
    is(METRIC_ALLOCS, 121, CHECK_BROKEN);
}

Test(budget_judge, an_absolute_tolerance_is_for_metrics_of_its_unit)
{
    set_limit(METRIC_ALLOCS, 100);
    scene.budget.tolerance = (struct policy_tolerance){
        .has_absolute = true, .absolute = {10, 1}, .absolute_unit = BUDGET_BYTES};
    is(METRIC_ALLOCS, 100, CHECK_OK);
    is(METRIC_ALLOCS, 101, CHECK_BROKEN);
}

Test(budget_judge, a_warning_does_not_break)
{
    scene.budget.severity = POLICY_WARN;
    set_limit(METRIC_ALLOCS, 100);
    is(METRIC_ALLOCS, 100, CHECK_OK);
    is(METRIC_ALLOCS, 101, CHECK_WARNED);
}

Test(budget_judge, a_latency_has_both_floors_and_no_units)
{
    scene.units = 1000;
    scene.measure.all.calls = 1000000;
    scene.budget.tolerance.latency_relative = (struct budget_ratio){10, 1};
    scene.budget.tolerance.latency_absolute = (struct budget_ratio){100, 1};
    set_limit(METRIC_P99, 200);
    is(METRIC_P99, 300, CHECK_OK);
    is(METRIC_P99, 301, CHECK_BROKEN);
    set_limit(METRIC_P99, 5000);
    is(METRIC_P99, 5500, CHECK_OK);
    is(METRIC_P99, 5501, CHECK_BROKEN);
}

Test(budget_judge, a_latency_of_too_few_calls_is_skipped)
{
    set_limit(METRIC_P99, 1);
    scene.measure.all.of[METRIC_P99] = 5000;
    scene.measure.all.calls = 99;
    is_skipped("99 calls are too few for a percentile");
    scene.measure.all.calls = 100;
    is(METRIC_P99, 5000, CHECK_BROKEN);
    scene.budget.min_samples = 1000;
    scene.measure.all.calls = 999;
    is_skipped("999 calls, and min_samples is 1,000");
    scene.measure.all.calls = 1000;
    is(METRIC_P99, 5000, CHECK_BROKEN);
}

Test(budget_judge, what_was_not_measured_is_skipped_and_not_zero)
{
    set_limit(METRIC_PEAK_RSS, 1);
    is_skipped("resident memory was not sampled");
    scene.budget.limits[METRIC_PEAK_RSS].is_set = false;
    set_limit(METRIC_MAX, 1);
    scene.measure.all.calls = 1000000;
    scene.run.profile->run.settings = "depth=512 latency=off";
    is_skipped("--latency=off");
}

Test(budget_judge, growth_is_held_against_the_baseline)
{
    set_base(METRIC_ALLOCS, 100);
    set_change(METRIC_ALLOCS, 5);
    is(METRIC_ALLOCS, 105, CHECK_OK);
    is(METRIC_ALLOCS, 106, CHECK_BROKEN);
    scene.budget.changes[METRIC_ALLOCS].is_percent = false;
    scene.budget.changes[METRIC_ALLOCS].by.num = 3;
    is(METRIC_ALLOCS, 103, CHECK_OK);
    is(METRIC_ALLOCS, 104, CHECK_BROKEN);
}

Test(budget_judge, an_improvement_is_what_the_policy_makes_of_it)
{
    set_base(METRIC_ALLOCS, 100);
    set_change(METRIC_ALLOCS, 0);
    is(METRIC_ALLOCS, 100, CHECK_OK);
    is(METRIC_ALLOCS, 99, CHECK_IMPROVED);
    scene.budget.on_improvement = POLICY_IMPROVEMENT_WARN;
    is(METRIC_ALLOCS, 99, CHECK_WARNED);
    scene.budget.on_improvement = POLICY_FAIL;
    is(METRIC_ALLOCS, 99, CHECK_RATCHET);
}

Test(budget_judge, an_improvement_within_the_tolerance_is_none)
{
    set_base(METRIC_ALLOCS, 100);
    set_change(METRIC_ALLOCS, 0);
    scene.budget.tolerance = (struct policy_tolerance){
        .has_relative = true, .has_absolute = true, .relative = {5, 1}, .absolute = {10, 1}};
    is(METRIC_ALLOCS, 95, CHECK_OK);
    is(METRIC_ALLOCS, 90, CHECK_OK);
    is(METRIC_ALLOCS, 89, CHECK_IMPROVED);
}

Test(budget_judge, without_a_number_in_the_baseline_there_is_no_verdict)
{
    set_change(METRIC_ALLOCS, 0);
    is(METRIC_ALLOCS, 7, CHECK_NO_BASELINE);
    cr_expect_str_eq(scene.check.lines.at[0].why, "there is no baseline");
    set_base(METRIC_BYTES, 7);
    is(METRIC_ALLOCS, 7, CHECK_NO_BASELINE);
    cr_expect_str_eq(scene.check.lines.at[0].why, "the baseline does not have it");
}

Test(budget_judge, a_baseline_is_for_as_many_units_as_it_was_made_with)
{
    scene.budget.per = "request";
    scene.units = 1000;
    set_base(METRIC_ALLOCS, 500)->units = 100;
    set_change(METRIC_ALLOCS, 0);
    is(METRIC_ALLOCS, 5000, CHECK_OK);
    is(METRIC_ALLOCS, 5001, CHECK_BROKEN);
}

Test(budget_judge, a_budget_that_lost_its_unit_is_held_to_the_whole_baseline)
{
    set_base(METRIC_ALLOCS, 500)->units = 100;
    set_change(METRIC_ALLOCS, 0);
    is(METRIC_ALLOCS, 500, CHECK_OK);
    is(METRIC_ALLOCS, 501, CHECK_BROKEN);
}

/* Seven call sites: f1 allocates 10 times, ... f7 70 times; measured. */
static void measure_seven(void)
{
    static const uint64_t order[] = {3, 7, 1, 6, 2, 5, 4};
    static const struct policy_window whole;
    struct profile *p = scene.run.profile;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const char name[] = {'f', (char)('0' + order[i]), '\0'};
        story_stack(p, (const char *const[]){"main", name, NULL}, 10 * order[i], 8);
    }
    profile_seal(p);
    budget_sites_make(&scene.run.sites, p, &no_rules, NULL);
    budget_rows_make(&scene.run.whole, p, &whole);
    budget_measure(&scene.measure, &scene.run, 1, &scene.budget, BUDGET_RUNS_LEAST);
}

/* Of the site of such a function. */
static const char *key_of(const char *label)
{
    const struct budget_sites *sites = &scene.run.sites;
    for (size_t i = 0; i < sites->at.count; i++) {
        if (strcmp(sites->names.at[sites->at.at[i].label], label) == 0) {
            return sites->at.at[i].key;
        }
    }
    cr_assert_fail("no site '%s'", label);
    return NULL;
}

static void set_site_base(const char *label, enum budget_metric metric, uint64_t value)
{
    struct baseline_variant *v = variant();
    struct baseline_entry *entry = baseline_add(scene.baseline, &v->sites, key_of(label));
    entry->has[metric] = true;
    entry->of[metric] = value;
}

Test(budget_judge, the_sites_that_allocate_most_are_shown_largest_first)
{
    measure_seven();
    set_limit(METRIC_ALLOCS, 279);
    cr_assert_eq(judge()->verdict, CHECK_BROKEN);
    const struct check_budget *b = &scene.check.budgets.at[0];
    cr_assert_eq(b->moved_count, CHECK_SITES_MAX);
    cr_expect_str_eq(b->moved[0].label, "f7");
    cr_expect_str_eq(b->moved[4].label, "f3");
    for (size_t i = 1; i < b->moved_count; i++) {
        cr_expect_lt(b->moved[i].now, b->moved[i - 1].now);
    }
}

Test(budget_judge, with_a_baseline_what_grew_most_is_shown)
{
    measure_seven();
    set_site_base("f7", METRIC_ALLOCS, 70);
    set_site_base("f6", METRIC_ALLOCS, 59);
    set_site_base("f5", METRIC_ALLOCS, 1);
    set_limit(METRIC_ALLOCS, 279);
    cr_assert_eq(judge()->verdict, CHECK_BROKEN);
    const struct check_budget *b = &scene.check.budgets.at[0];
    cr_expect_str_eq(b->moved[0].label, "f5", "by 49");
    cr_expect_str_eq(b->moved[1].label, "f4", "by 40");
    cr_expect(b->moved[1].is_new && !b->moved[0].is_new);
    for (size_t i = 0; i < b->moved_count; i++) {
        cr_expect_str_neq(b->moved[i].label, "f7", "which did not grow");
    }
}

Test(budget_judge, new_sites_are_those_that_the_baseline_does_not_have)
{
    measure_seven();
    const char *known[] = {"f1", "f2", "f3", "f4", "f5"};
    for (size_t i = 0; i < 5; i++) {
        set_site_base(known[i], METRIC_ALLOCS, 1);
    }
    scene.budget.changes[METRIC_NEW_SITES] = (struct policy_change){.is_set = true, .by = {2, 1}};
    cr_expect_eq(judge()->verdict, CHECK_OK, "two are allowed");
    scene.budget.changes[METRIC_NEW_SITES].by.num = 1;
    const struct check_line *line = judge();
    cr_expect_eq(line->verdict, CHECK_BROKEN);
    cr_expect_eq(line->actual.num, 2);
    cr_expect_eq(scene.check.budgets.at[0].moved_count, 2);
}

Test(budget_judge, each_site_is_judged_and_the_worst_is_told)
{
    scene.budget.is_each_site = true;
    measure_seven();
    set_limit(METRIC_ALLOCS, 40);
    const struct check_line *line = judge();
    cr_expect_eq(line->verdict, CHECK_BROKEN);
    cr_expect_eq(line->sites_over, 3, "f5, f6 and f7");
    cr_expect_str_eq(line->worst.label, "f7");
    cr_expect_eq(line->actual.num, 70);
    set_limit(METRIC_ALLOCS, 70);
    cr_expect_eq(judge()->verdict, CHECK_OK);
}

Test(budget_judge, the_worst_site_is_the_furthest_beyond_its_own_limit)
{
    scene.budget.is_each_site = true;
    measure_seven();
    set_site_base("f7", METRIC_ALLOCS, 69);
    set_site_base("f3", METRIC_ALLOCS, 10);
    set_change(METRIC_ALLOCS, 0);
    const struct check_line *line = judge();
    cr_expect_eq(line->sites_over, 2);
    cr_expect_str_eq(line->worst.label, "f3", "20 beyond it, and f7 by 1");
}

Test(budget_judge, a_site_without_a_number_in_the_baseline_is_not_over_it)
{
    scene.budget.is_each_site = true;
    measure_seven();
    set_site_base("f7", METRIC_BYTES, 8);
    set_change(METRIC_ALLOCS, 0);
    const struct check_line *line = judge();
    cr_expect_eq(line->verdict, CHECK_NO_BASELINE);
    cr_expect_eq(line->sites_over, 0);
    cr_expect_eq(scene.check.budgets.at[0].moved_count, 0);
}

/* f7 mallocs 70 times, and did something else before: what it did as a whole is no measure. */
Test(budget_judge, a_part_of_a_site_is_held_against_the_same_part)
{
    scene.budget.is_each_site = true;
    scene.budget.match.has_calls = true;
    scene.budget.match.calls[CALL_MALLOC] = true;
    measure_seven();
    set_site_base("f7", METRIC_ALLOCS, 1000);
    set_change(METRIC_ALLOCS, 0);
    cr_expect_eq(judge()->verdict, CHECK_NO_BASELINE, "the whole alone");
    set_base(METRIC_ALLOCS, 69);
    const struct check_line *line = judge();
    cr_expect_eq(line->verdict, CHECK_BROKEN, "it did nothing of this then");
    cr_expect_eq(line->base.num, 0);
    char *name = baseline_part_name(&scene.budget, key_of("f7"));
    struct baseline_variant *v = variant();
    struct baseline_entry *part = baseline_add(scene.baseline, &v->budgets, name);
    part->has[METRIC_ALLOCS] = true;
    part->of[METRIC_ALLOCS] = 69;
    cr_expect_eq(judge()->verdict, CHECK_BROKEN);
    part->of[METRIC_ALLOCS] = 70;
    cr_expect_eq(judge()->verdict, CHECK_OK);
    free(name);
}
