#include "base/units.h"

#include <criterion/criterion.h>

Test(units, counts_have_separators)
{
    cr_assert_str_eq(units_count(0).s, "0");
    cr_assert_str_eq(units_count(999).s, "999");
    cr_assert_str_eq(units_count(1000).s, "1,000");
    cr_assert_str_eq(units_count(1234567).s, "1,234,567");
    cr_assert_str_eq(units_count(UINT64_MAX).s, "18,446,744,073,709,551,615");
}

Test(units, one_has_no_plural)
{
    cr_assert_str_eq(units_s(0), "s");
    cr_assert_str_eq(units_s(1), "");
    cr_assert_str_eq(units_s(2), "s");
}

Test(units, short_counts_keep_three_digits)
{
    cr_assert_str_eq(units_short(9876).s, "9,876");
    cr_assert_str_eq(units_short(98304).s, "98.3 k");
    cr_assert_str_eq(units_short(999499).s, "999 k");
    cr_assert_str_eq(units_short(999500).s, "1.00 M");
    cr_assert_str_eq(units_short(6123456).s, "6.12 M");
}

Test(units, bytes_are_binary)
{
    cr_assert_str_eq(units_bytes(0).s, "0 B");
    cr_assert_str_eq(units_bytes(1023).s, "1023 B");
    cr_assert_str_eq(units_bytes(1024).s, "1.00 KiB");
    cr_assert_str_eq(units_bytes(1536).s, "1.50 KiB");
    cr_assert_str_eq(units_bytes(1048575).s, "1.00 MiB");
    cr_assert_str_eq(units_bytes(UINT64_C(3) << 40).s, "3.00 TiB");
}

Test(units, times_choose_their_unit)
{
    cr_assert_str_eq(units_ns(812).s, "812 ns");
    cr_assert_str_eq(units_ns(1250).s, "1.25 us");
    cr_assert_str_eq(units_ns(999600).s, "1.00 ms");
    cr_assert_str_eq(units_ns(45600000).s, "45.6 ms");
    cr_assert_str_eq(units_ns(UINT64_C(3200000000)).s, "3.20 s");
    cr_assert_str_eq(units_ns(UINT64_C(125000000000)).s, "2 min 05 s");
    cr_assert_str_eq(units_ns(UINT64_C(7500000000000)).s, "2 h 05 min");
}

Test(units, shares_are_honest_at_both_ends)
{
    cr_assert_str_eq(units_share(1, 0).s, "-");
    cr_assert_str_eq(units_share(0, 10).s, "0.0 %");
    cr_assert_str_eq(units_share(1, 1000000).s, "<0.1 %");
    cr_assert_str_eq(units_share(999999, 1000000).s, "99.9 %");
    cr_assert_str_eq(units_share(1000, 1000).s, "100.0 %");
    cr_assert_str_eq(units_share(123, 1000).s, "12.3 %");
}

Test(units, per_unit_keeps_small_values_visible)
{
    cr_assert_str_eq(units_per(142, 10).s, "14.2");
    cr_assert_str_eq(units_per(3, 1000).s, "0.003");
    cr_assert_str_eq(units_per(13, 200000).s, "<0.001");
    cr_assert_str_eq(units_per(0, 1000).s, "0.00");
    cr_assert_str_eq(units_per(12345678, 1000).s, "12,346");
    cr_assert_str_eq(units_per(1, 0).s, "-");
}

Test(units, changes_have_a_sign)
{
    cr_assert_str_eq(units_count_change(5, 5).s, "0");
    cr_assert_str_eq(units_count_change(0, 1234).s, "+1,234");
    cr_assert_str_eq(units_bytes_change(2048, 0).s, "-2.00 KiB");
    cr_assert_str_eq(units_ns_change(0, 1500).s, "+1.50 us");
}

Test(units, ratios_are_words)
{
    cr_assert_str_eq(units_ratio(6200, 100, "fewer", "more").s, "62x fewer");
    cr_assert_str_eq(units_ratio(100, 140, "fewer", "more").s, "1.4x more");
    cr_assert_str_eq(units_ratio(1000, 1032, "fewer", "more").s, "3.2 % more");
    cr_assert_str_eq(units_ratio(1000, 968, "less", "more").s, "3.2 % less");
    cr_assert_str_eq(units_ratio(7, 7, "fewer", "more").s, "same");
    cr_assert_str_eq(units_ratio(0, 7, "fewer", "more").s, "new");
    cr_assert_str_eq(units_ratio(7, 0, "fewer", "more").s, "none left");
    cr_assert_str_eq(units_ratio(1, UINT64_MAX, "fewer", "more").s, "1,000,000,000,000,000x more");
}
