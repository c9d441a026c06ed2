/* Which calls belong to a window. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget_rows.h"

static struct profile *profile;

static void add_span(uint32_t kind, const char *name, uint64_t allocs)
{
    uint32_t id = (uint32_t)profile->spans.count;
    *MEM_PUSH(&profile->spans) =
        (struct profile_span){kind, mem_strings_keep(profile->strings, name), id, 1, 0, id};
    struct profile_span_call *call = MEM_PUSH(&profile->span_calls);
    *call = (struct profile_span_call){
        .span = id, .site = 1, .counts = {.calls = allocs, .allocs = allocs}};
    hist_add(&call->latency, 50, allocs);
}

/* 1000 allocations in all: 10 from "warm", 20 from "tick", 40 from "done"; 80 paused. */
static void prepare(void)
{
    profile = profile_create();
    uint32_t path = profile_path(profile, 0, profile_frame(profile, 0, 16, 0), false);
    struct profile_site_call *call = profile_site_call(profile, profile_site(profile, path), 0);
    call->counts = (struct profile_calls){.calls = 1000, .allocs = 1000};
    hist_add(&call->latency, 50, 1000);
    add_span(PROFILE_MARK, "warm", 10);
    add_span(PROFILE_PHASE, "parse", 5);
    add_span(PROFILE_MARK, "tick", 20);
    add_span(PROFILE_PAUSE, "paused", 80);
    add_span(PROFILE_MARK, "done", 40);
    profile_seal(profile);
}

static void clear(void)
{
    profile_destroy(profile);
}

TestSuite(budget_rows, .init = prepare, .fini = clear);

static void is(const struct policy_window *window, uint64_t allocs)
{
    struct budget_rows rows;
    uint64_t sum = 0;
    budget_rows_make(&rows, profile, window);
    cr_assert_null(rows.trouble, "%s", rows.trouble);
    for (size_t i = 0; i < rows.at.count; i++) {
        sum += rows.at.at[i].counts.allocs;
        cr_assert_eq(rows.at.at[i].latency.count, rows.at.at[i].counts.calls);
    }
    cr_assert_eq(sum, allocs);
    budget_rows_finish(&rows);
}

static void is_trouble(const struct policy_window *window, const char *words)
{
    struct budget_rows rows;
    budget_rows_make(&rows, profile, window);
    cr_assert_not_null(rows.trouble);
    cr_assert_not_null(strstr(rows.trouble, words), "%s", rows.trouble);
    budget_rows_finish(&rows);
}

Test(budget_rows, pauses_are_in_no_window)
{
    is(&(struct policy_window){0}, 1000 - 80);
}

Test(budget_rows, marks_bound_a_window)
{
    is(&(struct policy_window){.after_mark = "warm"}, 10 + 20 + 40);
    is(&(struct policy_window){.after_mark = "warm", .until_mark = "done"}, 10 + 20);
    is(&(struct policy_window){.after_mark = "tick", .until_mark = "done"}, 20);
    is(&(struct policy_window){.until_mark = "warm"}, 1000 - 80 - 10 - 20 - 40);
    is(&(struct policy_window){.until_mark = "done"}, 1000 - 80 - 40);
}

Test(budget_rows, a_phase_is_a_window)
{
    is(&(struct policy_window){.phase = "parse"}, 5);
    is(&(struct policy_window){.zone = "never entered"}, 0);
}

Test(budget_rows, what_is_not_there_is_told)
{
    is_trouble(&(struct policy_window){.after_mark = "wram"}, "no mark 'wram'");
    is_trouble(&(struct policy_window){.after_mark = "done", .until_mark = "warm"}, "'warm'");
    is_trouble(&(struct policy_window){.phase = "prase"}, "no phase 'prase'");
    is_trouble(&(struct policy_window){.skip_ns = 2000000000},
               "record it with --mark-at=2000000000ns");
    profile->spans.at[2].kind = PROFILE_MARK_REST;
    is_trouble(&(struct policy_window){.after_mark = "warm", .until_mark = "done"}, "more marks");
}

Test(budget_rows, units_within_a_window_are_known)
{
    char *trouble = NULL;
    struct policy_window window = {.after_mark = "warm", .until_mark = "done"};
    profile->run.units = 100; /* "warm" stands at 0, "tick" at 2, "done" at 4 */
    cr_assert_eq(budget_rows_units(profile, &window, &trouble), 4);
    window = (struct policy_window){.after_mark = "tick"};
    cr_assert_eq(budget_rows_units(profile, &window, &trouble), 98);
    window = (struct policy_window){.until_mark = "tick"};
    cr_assert_eq(budget_rows_units(profile, &window, &trouble), 2);
    cr_assert_null(trouble);
    window = (struct policy_window){.phase = "parse"};
    cr_assert_eq(budget_rows_units(profile, &window, &trouble), 0);
    cr_assert_not_null(trouble);
    free(trouble);
}

Test(budget_rows, time_is_a_mark_of_the_recorders)
{
    char *name = budget_rows_skip_name(2000000000);
    cr_assert_str_eq(name, "at 2000000000 ns");
    add_span(PROFILE_MARK, name, 3);
    is(&(struct policy_window){.skip_ns = 2000000000}, 3);
    free(name);
}
