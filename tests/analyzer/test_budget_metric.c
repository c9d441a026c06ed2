#include <criterion/criterion.h>

#include "budget/budget_metric.h"

typedef struct budget_ratio ratio;

static void is(ratio value, uint64_t num, uint64_t den)
{
    cr_assert_eq(budget_ratio_compare(value, (ratio){num, den}), 0, "%lu/%lu, not %lu/%lu",
                 value.num, value.den, num, den);
}

Test(budget_metric, fractions_are_compared_without_rounding)
{
    cr_assert_eq(budget_ratio_compare((ratio){1, 3}, (ratio){333333333, 1000000000}), 1);
    cr_assert_eq(budget_ratio_compare((ratio){UINT64_MAX, UINT64_MAX - 1}, (ratio){1, 1}), 1);
    cr_assert_eq(budget_ratio_compare((ratio){2, 4}, (ratio){1, 2}), 0);
    cr_assert_eq(budget_ratio_compare((ratio){0, 5}, (ratio){1, UINT64_MAX}), -1);
}

Test(budget_metric, percents_are_exact)
{
    is(budget_ratio_grow((ratio){100, 1}, (ratio){5, 1}), 105, 1);
    is(budget_ratio_grow((ratio){1, 1}, (ratio){5, 10}), 1005, 1000); /* 0.5 % */
    is(budget_ratio_shrink((ratio){100, 1}, (ratio){5, 1}), 95, 1);
    is(budget_ratio_shrink((ratio){100, 1}, (ratio){250, 1}), 0, 1);
    is(budget_ratio_add((ratio){1, 3}, (ratio){1, 6}), 1, 2);
    is(budget_ratio_grow((ratio){0, 7}, (ratio){1000, 1}), 0, 1);
}

Test(budget_metric, huge_values_saturate)
{
    ratio huge = {UINT64_MAX, 1};
    is(budget_ratio_grow(huge, (ratio){100, 1}), UINT64_MAX, 1);
    is(budget_ratio_add(huge, huge), UINT64_MAX, 1);
    cr_assert_geq(budget_ratio_compare(budget_ratio_add(huge, (ratio){1, 3}), huge), 0);
}

Test(budget_metric, every_metric_has_a_key_of_its_own)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            cr_assert_str_neq(budget_metric_facts((enum budget_metric)i)->key,
                              budget_metric_facts((enum budget_metric)k)->key);
        }
    }
    cr_assert_eq(budget_metric_quantile(METRIC_P999), 9990);
    cr_assert_eq(budget_metric_quantile(METRIC_MAX), 0);
    cr_assert(budget_metric_is_of_calls(METRIC_MAX) && !budget_metric_is_of_calls(METRIC_PEAK));
    cr_assert(!budget_metric_has_baseline(METRIC_P99) && budget_metric_has_baseline(METRIC_PEAK));
}
