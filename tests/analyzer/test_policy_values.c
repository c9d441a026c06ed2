#include <criterion/criterion.h>

#include "budget/policy_values.h"

static void is_value(const char *text, enum budget_unit unit, uint64_t num, uint64_t den)
{
    struct budget_ratio value;
    cr_assert_null(policy_value_parse(text, unit, &value), "'%s'", text);
    cr_assert(budget_ratio_compare(value, (struct budget_ratio){num, den}) == 0, "'%s' is %lu/%lu",
              text, value.num, value.den);
}

static void is_no_value(const char *text, enum budget_unit unit)
{
    struct budget_ratio value = {7, 7};
    cr_assert_not_null(policy_value_parse(text, unit, &value), "'%s'", text);
    cr_assert_eq(value.num, 7, "'%s' changed what it should leave", text);
}

Test(policy_values, counts_sizes_and_times_are_exact)
{
    is_value("120000", BUDGET_COUNT, 120000, 1);
    is_value("1_000", BUDGET_COUNT, 1000, 1);
    is_value("0.1", BUDGET_COUNT, 1, 10);
    is_value("24 MiB", BUDGET_BYTES, UINT64_C(24) << 20, 1);
    is_value("512B", BUDGET_BYTES, 512, 1);
    is_value("1.5 KiB", BUDGET_BYTES, 1536, 1);
    is_value("10 kB", BUDGET_BYTES, 10000, 1);
    is_value("250ns", BUDGET_NS, 250, 1);
    is_value("1.5 us", BUDGET_NS, 1500, 1);
    is_value("0", BUDGET_NS, 0, 1);
}

Test(policy_values, what_is_no_value_is_refused)
{
    static const char *const bad[] = {
        "", "-1", "x", "1x", "1 2", "1.2.3", "1e9", "99999999999999999999", "0.1234567", "+5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        is_no_value(bad[i], BUDGET_COUNT);
    }
    is_no_value("1 MiBB", BUDGET_BYTES);
    is_no_value("99999999999 TiB", BUDGET_BYTES);
    is_no_value("250", BUDGET_NS); /* of what? */
    is_no_value("5%", BUDGET_COUNT);
}

Test(policy_values, percents_and_changes)
{
    struct budget_ratio percent;
    struct policy_change change;
    cr_assert_null(policy_percent_parse("+0.5 %", &percent));
    cr_assert_eq(budget_ratio_compare(percent, (struct budget_ratio){1, 2}), 0);
    cr_assert_not_null(policy_percent_parse("5", &percent));
    cr_assert_null(policy_change_parse("+5%", BUDGET_COUNT, &change));
    cr_assert(change.is_set && change.is_percent && change.by.num == 5);
    cr_assert_null(policy_change_parse("+1 KiB", BUDGET_BYTES, &change));
    cr_assert(!change.is_percent && change.by.num == 1024);
    cr_assert_not_null(policy_change_parse("more", BUDGET_COUNT, &change));
}

Test(policy_values, a_unit_is_told_by_how_it_is_written)
{
    struct budget_ratio value;
    enum budget_unit unit;
    cr_assert_null(policy_any_parse("200ns", &value, &unit));
    cr_assert_eq(unit, BUDGET_NS);
    cr_assert_null(policy_any_parse("1 KiB", &value, &unit));
    cr_assert_eq(unit, BUDGET_BYTES);
    cr_assert_null(policy_any_parse("5", &value, &unit));
    cr_assert_eq(unit, BUDGET_COUNT);
    cr_assert_not_null(policy_any_parse("five", &value, &unit));
}
