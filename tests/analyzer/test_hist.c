#include "heap/hist.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "alloctrap/loglin.h"

static struct hist of_values(const uint64_t *values, size_t count)
{
    struct hist hist = {0};
    for (size_t i = 0; i < count; i++) {
        hist_add(&hist, loglin_code(values[i]), 1);
    }
    return hist;
}

static bool is_equal(const struct hist *a, const struct hist *b)
{
    if (a->count != b->count || a->bin_count != b->bin_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->bin_count; i++) {
        if (a->bins[i].code != b->bins[i].code || a->bins[i].count != b->bins[i].count) {
            return false;
        }
    }
    return true;
}

Test(hist, values_can_be_taken_off)
{
    struct hist a = {0};
    struct hist b = {0};
    hist_add(&a, 5, 10);
    hist_add(&a, 7, 3);
    hist_add(&b, 3, 1);
    hist_add(&b, 5, 4);
    hist_add(&b, 7, 9);
    hist_take_off(&a, &b);
    cr_assert(a.count == 6 && a.bin_count == 1 && a.bins[0].code == 5 && a.bins[0].count == 6);
    hist_finish(&a);
    hist_finish(&b);
}

Test(hist, keeps_bins_sorted_and_counts_exact)
{
    uint64_t values[] = {900, 3, 70000, 3, 12, 900, 3};
    struct hist hist = of_values(values, 7);
    cr_assert_eq(hist.count, 7);
    cr_assert_eq(hist.bin_count, 4);
    for (uint32_t i = 1; i < hist.bin_count; i++) {
        cr_assert_lt(hist.bins[i - 1].code, hist.bins[i].code);
    }
    cr_assert_eq(hist.bins[0].count, 3);
    hist_finish(&hist);
}

Test(hist, quantiles_are_those_of_the_sorted_values)
{
    struct hist hist = {0};
    for (uint64_t value = 1; value <= 100; value++) {
        hist_add(&hist, loglin_code(value), 1);
    }
    cr_assert_eq(hist_quantile(&hist, 5000), 50);
    cr_assert_eq(hist_quantile(&hist, 9000), 90);
    cr_assert_eq(hist_quantile(&hist, 9990), 100);
    cr_assert_eq(hist_quantile(&hist, 1), 1);
    cr_assert_eq(hist_quantile(&hist, 0), 1);
    cr_assert_eq(hist_quantile(&hist, 10000), 100);
    cr_assert_eq(hist_min(&hist), 1);
    cr_assert_eq(hist_max(&hist), 100);
    hist_finish(&hist);
}

Test(hist, quantiles_of_huge_counts_do_not_overflow)
{
    struct hist hist = {0};
    hist_add(&hist, 10, UINT64_MAX / 2);
    hist_add(&hist, 20, UINT64_MAX / 2);
    cr_assert_eq(hist_quantile(&hist, 5000), 10);
    cr_assert_eq(hist_quantile(&hist, 5001), 20);
    hist_finish(&hist);
}

Test(hist, an_empty_one_has_zero_everywhere)
{
    struct hist hist = {0};
    cr_assert_eq(hist_quantile(&hist, 5000), 0);
    cr_assert_eq(hist_min(&hist), 0);
    cr_assert_eq(hist_max(&hist), 0);
}

Test(hist, merging_is_adding_each_value)
{
    uint64_t all[] = {5, 5, 1000, 80, 7, 1000000, 80};
    struct hist whole = of_values(all, 7);
    struct hist left = of_values(all, 3);
    struct hist right = of_values(all + 3, 4);
    hist_merge(&left, &right);
    cr_assert(is_equal(&left, &whole));
    hist_finish(&whole);
    hist_finish(&left);
    hist_finish(&right);
}

Test(hist, merging_any_two_is_adding_each_value)
{
    srand(5);
    for (int round = 0; round < 300; round++) {
        struct hist parts[2] = {{0}, {0}};
        struct hist whole = {0};
        for (int i = rand() % 300; i > 0; i--) {
            uint16_t code = (uint16_t)(rand() % (round + 1));
            hist_add(&parts[rand() % (round % 20 + 1) == 0], code, 3);
            hist_add(&whole, code, 3);
        }
        hist_merge(&parts[round % 2], &parts[1 - round % 2]);
        cr_assert(is_equal(&parts[round % 2], &whole));
        hist_finish(&parts[0]);
        hist_finish(&parts[1]);
        hist_finish(&whole);
    }
}

Test(hist, what_is_appended_is_added)
{
    uint64_t values[] = {1, 5, 9};
    struct hist whole = of_values(values, 3);
    struct hist hist = {0};
    hist_reserve(&hist, 3);
    hist_append(&hist, 1, 1);
    hist_append(&hist, 5, 1);
    hist_append(&hist, 9, 1);
    cr_assert(is_equal(&hist, &whole));
    hist_finish(&hist);
    hist_finish(&whole);
}

Test(hist, comes_back_from_its_bytes)
{
    uint64_t values[] = {0, 1, 63, 64, 12345, 12345, UINT64_MAX};
    struct hist hist = of_values(values, 7);
    hist_add(&hist, 2000, UINT64_C(1) << 62);
    uint8_t *bytes = malloc(hist_encoded_max(&hist));
    size_t len = hist_encode(&hist, bytes);
    struct hist back;
    cr_assert_leq(len, hist_encoded_max(&hist));
    cr_assert(hist_decode(bytes, len, &back));
    cr_assert(is_equal(&hist, &back));
    free(bytes);
    hist_finish(&hist);
    hist_finish(&back);
}

Test(hist, an_empty_one_comes_back_empty)
{
    struct hist hist = {0};
    uint8_t *bytes = malloc(hist_encoded_max(&hist));
    size_t len = hist_encode(&hist, bytes);
    cr_assert_eq(len, 1);
    cr_assert(hist_decode(bytes, len, &hist));
    cr_assert_eq(hist.count, 0);
    free(bytes);
}

Test(hist, refuses_damaged_bytes)
{
    static const struct {
        uint8_t bytes[16];
        size_t len;
    } bad[] = {
        {{0}, 0},                /* nothing */
        {{1, 5}, 2},             /* cut */
        {{1, 5, 1, 0}, 4},       /* trailing */
        {{2, 5, 1, 0, 1}, 5},    /* a code twice */
        {{1, 5, 0}, 3},          /* an empty bin */
        {{1, 0xff, 0x7f, 1}, 4}, /* a code beyond the scale */
        {{0xff, 0xff, 0x7f}, 3}, /* more bins than codes */
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2}, 10},             /* 65 bits */
        {{2, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1}, 14}, /* sum wraps */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hist hist;
        cr_assert_not(hist_decode(bad[i].bytes, bad[i].len, &hist), "row %zu", i);
        cr_assert_eq(hist.bin_count, 0);
        cr_assert_null(hist.bins);
    }
}
