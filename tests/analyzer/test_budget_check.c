/* Verdicts, on profiles with fixed numbers. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget_check.h"
#include "story_profile.h"

struct scene {
    struct policy *policy;
    struct budget_run runs[3];
    size_t run_count;
    struct check check;
    struct baseline *baseline;
};

static void add_run(struct scene *s, enum story story)
{
    static const struct policy_window whole;
    struct budget_run *run = &s->runs[s->run_count++];
    run->profile = story_profile(story);
    run->profile->run.is_complete = true;
    memset(run->profile->lost, 0, sizeof run->profile->lost); /* the story has some */
    run->units = 500;
    budget_sites_make(&run->sites, run->profile, s->policy, NULL);
    budget_rows_make(&run->whole, run->profile, &whole);
}

static void begin(struct scene *s, const char *budgets)
{
    struct err err = {0};
    char *text = mem_format("version: 1\nbudgets:\n%s", budgets);
    cr_assert_eq(policy_parse("p", text, strlen(text), &s->policy, &err), ERR_NONE, "%s",
                 err.message);
    free(text);
}

static struct check_question question(struct scene *s)
{
    return (struct check_question){.policy = s->policy,
                                   .runs = s->runs,
                                   .run_count = s->run_count,
                                   .baseline = baseline_find(s->baseline, "default"),
                                   .unit_name = "request"};
}

static const struct check_line *judge(struct scene *s)
{
    struct check_question q = question(s);
    check_make(&s->check, &q);
    cr_assert_gt(s->check.lines.count, 0);
    return s->check.lines.at;
}

static void end(struct scene *s)
{
    check_finish(&s->check);
    for (size_t i = 0; i < s->run_count; i++) {
        budget_rows_finish(&s->runs[i].whole);
        budget_sites_finish(&s->runs[i].sites);
        profile_destroy(s->runs[i].profile);
    }
    policy_destroy(s->policy);
    baseline_destroy(s->baseline);
}

static void make_baseline(struct scene *s)
{
    struct check_question q = question(s);
    s->baseline = baseline_create();
    check_make_baseline(&q, "default", s->baseline);
}

static uint64_t all_allocs(const struct scene *s)
{
    return s->runs[0].profile->totals.allocs;
}

Test(budget_check, the_whole_program_is_its_totals)
{
    struct scene s = {0};
    begin(&s, "- {name: a, limits: {allocs: 1, bytes: 1 B, peak: 1 B, frees: 1}}\n");
    add_run(&s, STORY_BEFORE);
    const struct check_line *lines = judge(&s);
    const struct profile_totals *t = &s.runs[0].profile->totals;
    cr_assert_eq(lines[0].actual.num, t->allocs);
    cr_assert_eq(lines[1].actual.num, t->frees);
    cr_assert_eq(lines[2].actual.num, t->bytes);
    cr_assert_eq(lines[3].actual.num, t->peak_bytes);
    cr_assert_eq(s.check.status, CHECK_STATUS_BROKEN);
    cr_assert_gt(s.check.budgets.at[0].moved_count, 0);
    end(&s);
}

Test(budget_check, a_limit_holds_up_to_itself_and_its_tolerance)
{
    struct scene s = {0};
    begin(&s, "- {name: a, match: {function: concat_append}, limits: {allocs: 5100000}}\n"
              "- {name: b, match: {function: concat_append}, limits: {allocs: 5099999}}\n"
              "- {name: c, match: {function: concat_append}, limits: {allocs: 5000000}, "
              "tolerance: 2%}\n"
              "- {name: d, match: {function: concat_append}, limits: {allocs: 5000000}, "
              "tolerance: 1.9%}\n"
              "- {name: e, match: {function: concat_append}, limits: {allocs: 5000000}, "
              "tolerance: {relative: 1%, absolute: 100000}}\n");
    add_run(&s, STORY_BEFORE);
    const struct check_line *lines = judge(&s);
    static const enum check_verdict wanted[] = {CHECK_OK, CHECK_BROKEN, CHECK_OK, CHECK_BROKEN,
                                                CHECK_OK};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(lines[i].actual.num, 5100000);
        cr_assert_eq(lines[i].verdict, wanted[i], "budget %zu", i);
    }
    end(&s);
}

Test(budget_check, units_divide_without_rounding)
{
    struct scene s = {0};
    begin(&s,
          "- {name: a, per: request, match: {function: concat_append}, limits: {allocs: 10200}}\n"
          "- {name: b, per: request, match: {function: concat_append}, limits: {allocs: "
          "10199.999}}\n"
          "- {name: c, per: line, limits: {allocs: 1}}\n");
    add_run(&s, STORY_BEFORE);
    const struct check_line *lines = judge(&s);
    cr_assert_eq(lines[0].verdict, CHECK_OK);
    cr_assert_eq(lines[1].verdict, CHECK_BROKEN);
    cr_assert_eq(lines[2].verdict, CHECK_INCONCLUSIVE); /* the recording counts requests */
    end(&s);
}

Test(budget_check, losses_are_never_green)
{
    struct scene s = {0};
    begin(&s, "- {name: a, limits: {allocs: 100000000}}\n"
              "- {name: b, limits: {allocs: 100000000}, allow_dropped: true}\n");
    add_run(&s, STORY_BEFORE);
    s.runs[0].profile->lost[LOSS_RING_FULL] = 1;
    const struct check_line *lines = judge(&s);
    cr_assert_eq(lines[0].verdict, CHECK_INCONCLUSIVE);
    cr_assert_eq(lines[1].verdict, CHECK_OK);
    cr_assert_eq(s.check.status, CHECK_STATUS_INCONCLUSIVE);
    end(&s);
}

Test(budget_check, a_recording_cut_short_is_never_green)
{
    struct scene s = {0};
    begin(&s, "- {name: a, limits: {allocs: 100000000}}\n");
    add_run(&s, STORY_BEFORE);
    s.runs[0].profile->run.is_complete = false;
    cr_assert_eq(judge(&s)->verdict, CHECK_INCONCLUSIVE);
    end(&s);
}

Test(budget_check, the_least_of_several_runs_counts)
{
    struct scene s = {0};
    begin(&s, "- {name: a, limits: {allocs: 100000}}\n");
    add_run(&s, STORY_BEFORE);
    add_run(&s, STORY_AFTER);
    const struct check_line *lines = judge(&s);
    cr_assert_eq(lines[0].verdict, CHECK_OK);
    cr_assert_eq(lines[0].most, all_allocs(&s));
    cr_assert_lt(lines[0].least, lines[0].most);
    end(&s);
}

Test(budget_check, a_slope_leaves_the_start_up_out)
{
    struct scene s = {0};
    begin(&s, "- {name: a, per: unit, limits: {allocs: 1}}\n- {name: b, limits: {allocs: 1}}\n");
    add_run(&s, STORY_AFTER);
    add_run(&s, STORY_BEFORE);
    s.runs[0].units = 100;
    s.runs[1].units = 300;
    struct check_question q = question(&s);
    q.way = BUDGET_RUNS_SLOPE;
    check_make(&s.check, &q);
    uint64_t more = s.runs[1].profile->totals.allocs - s.runs[0].profile->totals.allocs;
    cr_assert(s.check.lines.at[0].actual.num == more && s.check.lines.at[0].actual.den == 200);
    cr_assert_eq(s.check.lines.at[1].verdict, CHECK_SKIPPED);
    end(&s);
}

Test(budget_check, a_latency_needs_calls_and_breaks_past_both_floors)
{
    struct scene s = {0};
    begin(&s, "- {name: a, match: {op: malloc}, limits: {p50: 1ns}, tolerance: {relative: 5%, "
              "absolute: 1s}}\n"
              "- {name: b, match: {op: malloc}, limits: {p50: 1ns}, tolerance: {relative: 5%, "
              "absolute: 1ns}}\n"
              "- {name: c, match: {op: malloc}, limits: {p50: 1ns}, min_samples: 1000000000}\n");
    add_run(&s, STORY_BEFORE);
    const struct check_line *lines = judge(&s);
    cr_assert_eq(lines[0].verdict, CHECK_OK);
    cr_assert_eq(lines[1].verdict, CHECK_BROKEN);
    cr_assert_eq(lines[2].verdict, CHECK_SKIPPED);
    cr_assert_not_null(strstr(lines[2].why, "min_samples is 1,000,000,000"), "%s", lines[2].why);
    end(&s);
}

Test(budget_check, a_baseline_of_itself_holds_and_of_less_does_not)
{
    static const char budgets[] =
        "- {name: a, baseline: {allocs: 0, bytes: +1%, peak: 0, sites: 0}}\n"
        "- {name: b, each: site, baseline: {allocs: +5%, new_sites: 0}}\n";
    struct scene s = {0};
    begin(&s, budgets);
    add_run(&s, STORY_BEFORE);
    make_baseline(&s);
    (void)judge(&s);
    cr_assert_eq(s.check.status, CHECK_STATUS_OK);
    struct scene lean = {0};
    begin(&lean, budgets);
    add_run(&lean, STORY_AFTER);
    make_baseline(&lean);
    check_finish(&s.check);
    struct check_question q = question(&s);
    q.baseline = baseline_find(lean.baseline, "default");
    check_make(&s.check, &q);
    cr_assert_eq(s.check.status, CHECK_STATUS_BROKEN);
    cr_assert_eq(s.check.budgets.at[0].verdict, CHECK_BROKEN);
    cr_assert_eq(s.check.budgets.at[1].verdict, CHECK_BROKEN);
    cr_assert(s.check.budgets.at[1].moved[0].is_new);
    end(&s);
    end(&lean);
}

Test(budget_check, a_site_is_compared_unit_by_unit)
{
    struct scene s = {0};
    begin(&s, "- {name: a, each: site, per: request, baseline: {allocs: 0}}\n");
    add_run(&s, STORY_BEFORE);
    make_baseline(&s);
    s.runs[0].units = 250; /* the same for half the work */
    const struct check_line *line = judge(&s);
    cr_expect_eq(line->verdict, CHECK_BROKEN);
    cr_expect(line->base.num == 5100000 && line->base.den == 500);
    cr_expect(line->actual.num == 5100000 && line->actual.den == 250);
    end(&s);
}

Test(budget_check, a_baseline_of_parts_of_sites_holds_for_itself)
{
    struct scene s = {0};
    begin(&s, "- {name: a, each: site, match: {op: realloc}, baseline: {allocs: 0}}\n");
    add_run(&s, STORY_BEFORE);
    make_baseline(&s);
    const struct check_line *line = judge(&s);
    cr_expect_eq(line->verdict, CHECK_OK);
    cr_expect(line->base.num == 5 && line->actual.num == 5, "%lu then", line->base.num);
    end(&s);
}

Test(budget_check, sites_of_a_baseline_without_units_have_no_verdict_for_each)
{
    struct scene s = {0};
    struct scene whole = {0};
    begin(&whole, "- {name: a, each: site, baseline: {allocs: 0}}\n");
    add_run(&whole, STORY_BEFORE);
    make_baseline(&whole);
    begin(&s, "- {name: a, each: site, per: request, baseline: {allocs: 0}}\n");
    add_run(&s, STORY_BEFORE);
    struct check_question q = question(&s);
    q.baseline = baseline_find(whole.baseline, "default");
    check_make(&s.check, &q);
    cr_expect_eq(s.check.lines.at[0].verdict, CHECK_NO_BASELINE);
    cr_expect_str_eq(s.check.lines.at[0].why, "the baseline does not have it");
    end(&s);
    end(&whole);
}

Test(budget_check, improvements_are_noted_or_fail)
{
    struct scene s = {0};
    begin(&s, "- {name: a, baseline: {allocs: 0}}\n"
              "- {name: b, baseline: {allocs: 0}, on_improvement: fail}\n");
    add_run(&s, STORY_BEFORE);
    make_baseline(&s);
    struct scene lean = {0};
    begin(&lean, "- {name: a, baseline: {allocs: 0}}\n"
                 "- {name: b, baseline: {allocs: 0}, on_improvement: fail}\n");
    add_run(&lean, STORY_AFTER);
    struct check_question q = question(&lean);
    q.baseline = baseline_find(s.baseline, "default");
    check_make(&lean.check, &q);
    cr_assert_eq(lean.check.lines.at[0].verdict, CHECK_IMPROVED);
    cr_assert_eq(lean.check.lines.at[1].verdict, CHECK_RATCHET);
    cr_assert_eq(lean.check.status, CHECK_STATUS_RATCHET);
    end(&lean);
    end(&s);
}

Test(budget_check, without_a_baseline_it_says_so)
{
    struct scene s = {0};
    begin(&s,
          "- {name: a, baseline: {allocs: 0}}\n- {name: b, each: site, baseline: {bytes: 0}}\n");
    add_run(&s, STORY_BEFORE);
    (void)judge(&s);
    cr_assert_eq(s.check.status, CHECK_STATUS_NO_BASELINE);
    cr_assert_eq(s.check.counts[CHECK_NO_BASELINE], 2);
    end(&s);
}

Test(budget_check, each_site_is_held_to_the_limit)
{
    struct scene s = {0};
    begin(&s, "- {name: a, each: site, limits: {allocs: 100000}}\n");
    add_run(&s, STORY_BEFORE);
    const struct check_line *line = judge(&s);
    cr_assert_eq(line->verdict, CHECK_BROKEN);
    cr_assert_gt(line->sites_over, 0);
    cr_assert_str_eq(line->worst.label, "concat_append");
    end(&s);
}

Test(budget_check, ignored_sites_do_not_count_and_are_told)
{
    struct scene s = {0};
    struct err err = {0};
    static const char text[] = "version: 1\nignore: [{function: concat_append}]\n"
                               "budgets:\n- {name: a, limits: {allocs: 1}}\n";
    cr_assert_eq(policy_parse("p", text, sizeof text - 1, &s.policy, &err), ERR_NONE, "%s",
                 err.message);
    add_run(&s, STORY_BEFORE);
    const struct check_line *line = judge(&s);
    cr_assert_eq(line->actual.num, all_allocs(&s) - 5100000);
    cr_assert_eq(s.check.ignored.allocs, 5100000);
    end(&s);
}

Test(budget_check, a_budget_without_a_site_is_told_and_fails_when_strict)
{
    struct scene s = {0};
    begin(&s, "- {name: a, match: {under: nobody}, limits: {allocs: 0}}\n");
    add_run(&s, STORY_BEFORE);
    (void)judge(&s);
    cr_assert_eq(s.check.status, CHECK_STATUS_OK);
    cr_assert_eq(s.check.budgets.at[0].verdict, CHECK_UNMATCHED);
    check_finish(&s.check);
    struct check_question q = question(&s);
    q.is_strict = true;
    check_make(&s.check, &q);
    cr_assert_eq(s.check.status, CHECK_STATUS_BROKEN);
    end(&s);
}
