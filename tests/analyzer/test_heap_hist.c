#include "heap/heap_hist.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { VALUES = 5000 };

static struct heap_hist_budget budget;

static void check_equal(const struct hist *actual, const struct hist *expected)
{
    cr_assert_eq(actual->count, expected->count);
    cr_assert_eq(actual->bin_count, expected->bin_count);
    for (uint32_t i = 0; i < actual->bin_count; i++) {
        cr_assert_eq(actual->bins[i].code, expected->bins[i].code);
        cr_assert_eq(actual->bins[i].count, expected->bins[i].count);
    }
}

/* What is read at any age is what a plain histogram of the same values holds. */
static void compare(size_t count)
{
    struct heap_hist hist = {0};
    struct hist plain = {0};
    struct hist read = {0};
    srand(3);
    for (size_t i = 0; i < count; i++) {
        uint16_t code = (uint16_t)(rand() % (i % 7 == 0 ? LOGLIN_CODES : 100));
        heap_hist_add(&hist, code, &budget);
        hist_add(&plain, code, 1);
    }
    heap_hist_read(&hist, &read);
    check_equal(&read, &plain);
    heap_hist_read(&hist, &read);
    check_equal(&read, &plain);
    heap_hist_finish(&hist);
    hist_finish(&plain);
    hist_finish(&read);
}

Test(heap_hist, it_is_exact_at_every_age)
{
    budget = (struct heap_hist_budget){0};
    for (size_t count = 0; count < 100; count++) {
        compare(count);
    }
    compare(VALUES);
    cr_assert_gt(budget.bytes_used, 0);
}

Test(heap_hist, beyond_the_budget_it_stays_sparse_and_as_exact)
{
    budget = (struct heap_hist_budget){.bytes_used = HEAP_HIST_COUNTER_BYTES};
    compare(VALUES);
    cr_assert_eq(budget.bytes_used, HEAP_HIST_COUNTER_BYTES);
}

Test(heap_hist, few_codes_need_no_memory)
{
    budget = (struct heap_hist_budget){0};
    struct heap_hist hist = {0};
    struct hist read = {0};
    static const uint16_t codes[] = {3000, 7, 41, 40};
    for (unsigned i = 0; i < 4 * UINT16_MAX; i++) {
        heap_hist_add(&hist, codes[i % 4], &budget);
    }
    cr_assert_not(hist.is_wide);
    heap_hist_read(&hist, &read);
    cr_assert_eq(read.count, 4 * UINT16_MAX);
    cr_assert_eq(read.bin_count, 4);
    cr_assert_eq(read.bins[0].code, 7);
    heap_hist_add(&hist, 7, &budget); /* one more than its counter holds */
    cr_assert(hist.is_wide);
    heap_hist_read(&hist, &read);
    cr_assert_eq(read.count, 4 * UINT16_MAX + 1);
    cr_assert_eq(read.bins[0].count, UINT16_MAX + 1);
    heap_hist_finish(&hist);
    hist_finish(&read);
}

/* More neighbouring codes than the struct holds. */
static struct heap_hist wide_at_40(void)
{
    struct heap_hist hist = {0};
    for (uint16_t i = 0; i < 2 * (HEAP_HIST_FEW + 1); i++) {
        heap_hist_add(&hist, (uint16_t)(40 + i / 2), &budget);
    }
    return hist;
}

Test(heap_hist, one_outlier_does_not_widen_the_counters_a_habit_does)
{
    budget = (struct heap_hist_budget){0};
    struct heap_hist hist = wide_at_40();
    cr_assert_eq(hist.code_count, HEAP_HIST_STEP);
    heap_hist_add(&hist, 3000, &budget);
    cr_assert_eq(hist.code_count, HEAP_HIST_STEP);
    for (unsigned i = 0; i < 3000 / HEAP_HIST_STEP; i++) {
        heap_hist_add(&hist, 3000, &budget);
    }
    cr_assert_gt(hist.code_count, 2900);
    cr_assert_null(hist.wide.rest, "what was sparse has its counter now");
    cr_assert_eq(budget.bytes_used, hist.code_count * sizeof *hist.wide.counts);
    heap_hist_finish(&hist);
}

Test(heap_hist, many_of_them_must_pay_more_for_counters)
{
    budget = (struct heap_hist_budget){.bytes_used = HEAP_HIST_PLENTY_BYTES};
    struct heap_hist hist = {0};
    for (uint16_t i = 0; i < HEAP_HIST_PAY - 1; i++) {
        heap_hist_add(&hist, (uint16_t)(40 + i), &budget);
    }
    cr_assert(hist.is_wide && hist.code_count == 0);
    heap_hist_add(&hist, 40, &budget);
    cr_assert_eq(hist.code_count, HEAP_HIST_STEP);
    heap_hist_finish(&hist);
}

Test(heap_hist, a_counter_that_runs_over_loses_nothing)
{
    budget = (struct heap_hist_budget){0};
    struct heap_hist hist = wide_at_40();
    struct hist read = {0};
    hist.wide.counts[40 - hist.first_code] = UINT32_MAX;
    heap_hist_add(&hist, 40, &budget);
    heap_hist_add(&hist, 40, &budget);
    heap_hist_read(&hist, &read);
    cr_assert_eq(read.count, (UINT64_C(1) << 32) + 1 + 2 * HEAP_HIST_FEW);
    cr_assert_eq(read.bin_count, 1 + HEAP_HIST_FEW);
    heap_hist_finish(&hist);
    hist_finish(&read);
}
