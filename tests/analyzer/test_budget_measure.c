/* What a budget's call sites did is what the recording says; several runs become one number. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget_measure.h"
#include "story_profile.h"

enum { RUNS_MAX = 3 };

static struct policy policy; /* its ignore rules are a test's */
static struct policy_budget budget;
static struct budget_run runs[RUNS_MAX];
static size_t run_count;
static struct budget_measure measure;

static void end(void)
{
    budget_measure_finish(&measure);
    for (size_t i = 0; i < run_count; i++) {
        budget_rows_finish(&runs[i].whole);
        budget_sites_finish(&runs[i].sites);
        profile_destroy(runs[i].profile);
    }
    free(policy.ignores.at);
}

TestSuite(budget_measure, .fini = end);

/* Takes the profile. */
static struct profile *add_run(struct profile *p)
{
    static const struct policy_window whole;
    struct budget_run *run = &runs[run_count++];
    profile_seal(p);
    run->profile = p;
    budget_sites_make(&run->sites, p, &policy, NULL);
    budget_rows_make(&run->whole, p, &whole);
    return p;
}

/* A run of one call site. */
static struct profile *add_small_run(uint64_t allocs, uint64_t bytes)
{
    struct profile *p = profile_create();
    story_stack(p, (const char *const[]){"main", "make", NULL}, allocs, bytes);
    return add_run(p);
}

static void measure_all(enum budget_runs way)
{
    budget_measure_finish(&measure);
    budget_measure(&measure, runs, run_count, &budget, way);
    cr_assert_null(measure.trouble, "%s", measure.trouble);
}

static uint64_t of(enum budget_metric metric)
{
    return measure.all.of[metric];
}

Test(budget_measure, the_whole_run_is_the_profiles_totals)
{
    struct profile *p = story_profile(STORY_BEFORE);
    const struct profile_totals *wanted = &p->totals;
    p->run.clock_cost_ps = 0;
    add_run(p);
    measure_all(BUDGET_RUNS_LEAST);
    cr_expect_eq(of(METRIC_ALLOCS), wanted->allocs);
    cr_expect_eq(of(METRIC_FREES), wanted->frees);
    cr_expect_eq(of(METRIC_REALLOCS), 5);
    cr_expect_eq(of(METRIC_BYTES), wanted->bytes);
    cr_expect_eq(of(METRIC_TIME), wanted->ns);
    cr_expect_eq(of(METRIC_TEMPORARY), wanted->temporaries);
    cr_expect_eq(of(METRIC_PEAK), wanted->peak_bytes);
    cr_expect_eq(of(METRIC_LEAKED_BLOCKS), wanted->live_blocks);
    cr_expect_eq(of(METRIC_LEAKED_BYTES), wanted->live_bytes);
    cr_expect_eq(of(METRIC_SITES), p->sites.count - 1, "nothing happened at the remainder");
    cr_expect_eq(of(METRIC_DROPPED), 1234);
}

Test(budget_measure, times_are_net_of_the_clock)
{
    struct profile *p = profile_create();
    uint32_t site = story_stack(p, (const char *const[]){"main", NULL}, 50, 400); /* of 50 ns */
    story_calls(p, site, CALL_FREE, 50, 0, 10);
    p->run.clock_cost_ps = 20000;
    add_run(p);
    measure_all(BUDGET_RUNS_LEAST);
    cr_expect_eq(of(METRIC_TIME), UINT64_C(50) * 30, "the frees took no longer than the clock");
    cr_expect_eq(of(METRIC_MAX), 30);
    cr_expect(of(METRIC_P90) >= 29 && of(METRIC_P90) <= 30);
    cr_expect_eq(of(METRIC_P50), 0);
}

Test(budget_measure, resident_memory_is_the_highest_sample)
{
    struct profile *p = add_small_run(1, 8);
    const uint64_t samples[] = {4096, 12288, 8192};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        *MEM_PUSH(&p->bins) = (struct profile_bin){.rss_bytes = samples[i]};
    }
    measure_all(BUDGET_RUNS_LEAST);
    cr_expect_eq(of(METRIC_PEAK_RSS), 12288);
}

Test(budget_measure, a_match_takes_its_sites_alone)
{
    add_run(story_profile(STORY_BEFORE));
    budget.match.function = "concat_append";
    measure_all(BUDGET_RUNS_LEAST);
    cr_expect_eq(measure.site_count, 1);
    cr_expect_eq(of(METRIC_ALLOCS), 5100000);
    cr_expect_eq(of(METRIC_BYTES), 820000000);
    cr_expect_eq(of(METRIC_PEAK), 2048);
    cr_expect_eq(of(METRIC_SITES), 1);
}

Test(budget_measure, only_the_functions_asked_for_count)
{
    add_run(story_profile(STORY_BEFORE));
    budget.match.has_calls = true;
    budget.match.calls[CALL_FREE] = true;
    measure_all(BUDGET_RUNS_LEAST);
    cr_expect_eq(of(METRIC_ALLOCS), 0);
    cr_expect_eq(of(METRIC_FREES), 5100000 + 909000);
    cr_expect_eq(of(METRIC_PEAK), 0, "of blocks that others began");
    cr_expect_eq(of(METRIC_SITES), 0, "none of them allocates by it");
    cr_expect_eq(measure.all.calls, 5100000 + 909000);
}

Test(budget_measure, call_sites_add_up_to_the_whole)
{
    uint64_t allocs = 0;
    uint64_t leaked = 0;
    add_run(story_profile(STORY_BEFORE));
    measure_all(BUDGET_RUNS_LEAST);
    cr_expect_eq(HASH_COUNT(measure.groups), measure.site_count);
    for (const struct budget_group *g = measure.groups; g != NULL; g = g->hh.next) {
        allocs += g->all.of[METRIC_ALLOCS];
        leaked += g->all.of[METRIC_LEAKED_BYTES];
    }
    cr_expect_eq(allocs, of(METRIC_ALLOCS));
    cr_expect_eq(leaked, of(METRIC_LEAKED_BYTES));
}

Test(budget_measure, of_several_runs_counts_are_the_least_and_bytes_the_median)
{
    add_small_run(30, 100);
    add_small_run(10, 300);
    add_small_run(20, 200);
    measure_all(BUDGET_RUNS_LEAST);
    cr_expect_eq(of(METRIC_ALLOCS), 10);
    cr_expect_eq(of(METRIC_BYTES), 200);
    measure_all(BUDGET_RUNS_MEDIAN);
    cr_expect_eq(of(METRIC_ALLOCS), 20);
    cr_expect_eq(of(METRIC_BYTES), 200);
}

Test(budget_measure, a_median_of_two_is_one_that_was_seen)
{
    add_small_run(30, 300);
    add_small_run(10, 100);
    measure_all(BUDGET_RUNS_MEDIAN);
    cr_expect_eq(of(METRIC_ALLOCS), 10);
    cr_expect_eq(of(METRIC_BYTES), 100);
}

Test(budget_measure, a_latency_is_of_all_calls_of_all_runs)
{
    struct profile *slow = profile_create();
    add_small_run(60, 8); /* of 50 ns */
    add_small_run(39, 8);
    uint32_t site = story_stack(slow, (const char *const[]){"main", "make", NULL}, 0, 0);
    story_calls(slow, site, CALL_MALLOC, 1, 8, 90000);
    add_run(slow);
    measure_all(BUDGET_RUNS_MEDIAN);
    cr_expect_eq(measure.all.calls, 100);
    cr_expect_leq(of(METRIC_P99), 51, "99 of 100 were fast, though the third run was not");
    cr_expect_eq(of(METRIC_MAX), 90000);
}

Test(budget_measure, a_slope_is_what_the_second_run_did_more)
{
    add_small_run(10, 100);
    add_small_run(35, 90);
    measure_all(BUDGET_RUNS_SLOPE);
    cr_expect_eq(of(METRIC_ALLOCS), 25);
    cr_expect_eq(of(METRIC_BYTES), 0, "less is no growth");
    cr_expect_eq(measure.all.calls, 35, "latencies are the second run's");
}

Test(budget_measure, ignored_sites_do_not_count_and_are_told)
{
    *MEM_PUSH(&policy.ignores) = (struct policy_ignore){.match = {.function = "concat_append"}};
    *MEM_PUSH(&policy.ignores) =
        (struct policy_ignore){.match = {.function = "concat_copy"}, .leaks_only = true};
    const struct profile *p = add_run(story_profile(STORY_BEFORE));
    measure_all(BUDGET_RUNS_LEAST);
    cr_expect_eq(of(METRIC_ALLOCS), p->totals.allocs - 5100000);
    cr_expect_eq(of(METRIC_LEAKED_BYTES), p->totals.live_bytes - 64000);
    struct budget_ignored ignored = budget_measure_ignored(&runs[0]);
    cr_expect_eq(ignored.sites, 1);
    cr_expect_eq(ignored.allocs, 5100000);
    cr_expect_eq(ignored.bytes, 820000000);
    cr_expect_eq(ignored.leaked_bytes, 64000);
}

Test(budget_measure, a_window_that_never_began_is_trouble_and_not_zero)
{
    add_small_run(10, 100);
    budget.window.after_mark = "warm";
    budget_measure(&measure, runs, run_count, &budget, BUDGET_RUNS_LEAST);
    cr_assert_not_null(measure.trouble);
    cr_expect_not_null(strstr(measure.trouble, "warm"), "%s", measure.trouble);
}

Test(budget_measure, within_a_window_only_what_calls_do_is_told)
{
    struct profile *p = profile_create();
    uint32_t site = story_stack(p, (const char *const[]){"main", "make", NULL}, 100, 800);
    p->sites.at[site].peak_bytes = 640;
    p->sites.at[site].live_bytes = 64;
    *MEM_PUSH(&p->spans) = (struct profile_span){.kind = PROFILE_PHASE, .name = "parse"};
    *MEM_PUSH(&p->span_calls) = (struct profile_span_call){
        .site = site, .call = CALL_MALLOC, .counts = {.calls = 7, .allocs = 7, .bytes = 56}};
    add_run(p);
    budget.window.phase = "parse";
    measure_all(BUDGET_RUNS_LEAST);
    cr_expect_eq(of(METRIC_ALLOCS), 7);
    cr_expect_eq(of(METRIC_BYTES), 56);
    cr_expect_eq(of(METRIC_PEAK), 0);
    cr_expect_eq(of(METRIC_LEAKED_BYTES), 0);
}

Test(budget_measure, units_are_calls_of_a_function_or_allocations_made_in_one)
{
    add_run(story_profile(STORY_BEFORE));
    cr_expect_eq(budget_measure_calls(&runs[0], "calloc"), 300);
    cr_expect_eq(budget_measure_calls(&runs[0], "concat_append"), 5100000, "its frees are none");
    cr_expect_eq(budget_measure_calls(&runs[0], "logparse!concat_append"), 5100000);
    cr_expect_eq(budget_measure_calls(&runs[0], "other!concat_append"), 0);
    cr_expect_eq(budget_measure_calls(&runs[0], "nobody"), 0);
}
