#include "insight/latency_shape.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "alloctrap/loglin.h"

Test(latency_shape, bars_are_three_a_decade_and_gaps_are_empty_bars)
{
    struct hist hist = {0};
    hist_add(&hist, loglin_code(3), 5);
    hist_add(&hist, loglin_code(4), 5);
    hist_add(&hist, loglin_code(12), 20);
    hist_add(&hist, loglin_code(120), 1);
    struct latency_bars bars = latency_bars_of(&hist, 0);
    cr_assert_eq(bars.count, 6, "2, 5, 10, 20, 50, 100");
    cr_assert_eq(bars.at[0].from_ns, 2);
    cr_assert_eq(bars.at[0].to_ns, 5);
    cr_assert_eq(bars.at[0].count, 10);
    cr_assert_eq(bars.at[2].count, 20);
    cr_assert_eq(bars.at[3].count, 0);
    cr_assert_eq(bars.at[5].from_ns, 100);
    cr_assert_eq(bars.at[5].count, 1);
    cr_assert_eq(bars.highest, 20);
    hist_finish(&hist);
}

Test(latency_shape, the_clock_is_taken_off_and_extremes_fit)
{
    struct hist hist = {0};
    hist_add(&hist, loglin_code(15), 2);
    hist_add(&hist, loglin_code(UINT64_MAX), 1);
    struct latency_bars bars = latency_bars_of(&hist, 10000);
    cr_assert_eq(bars.at[0].from_ns, 5, "15 ns less 10");
    uint64_t sum = 0;
    for (size_t i = 0; i < bars.count; i++) {
        sum += bars.at[i].count;
    }
    cr_assert_eq(sum, 3);
    hist_finish(&hist);
    cr_assert_eq(latency_bars_of(&hist, 0).count, 0);
}

/* Each line says: so many calls took no longer. */
Test(latency_shape, lines_rise_and_end_at_one)
{
    struct hist hist = {0};
    for (uint64_t i = 1; i <= 1000; i++) {
        hist_add(&hist, loglin_code(i), 1);
    }
    latency_lines lines = latency_lines_of(&hist, 0);
    cr_assert_gt(lines.count, 30);
    for (size_t i = 0; i < lines.count; i++) {
        const struct latency_line *line = &lines.at[i];
        cr_assert_geq((double)line->count + 1e-6, line->quantile * 1000);
        cr_assert(fabs((double)line->ns - (double)line->count) <= 0.02 * (double)line->count + 1);
        cr_assert(i == 0 || line->quantile > lines.at[i - 1].quantile);
    }
    cr_assert_eq(lines.at[0].quantile, 0);
    cr_assert_float_eq(lines.at[1].quantile, 0.1, 1e-12);
    cr_assert_float_eq(lines.at[6].quantile, 0.55, 1e-12);
    cr_assert_eq(lines.at[lines.count - 1].quantile, 1);
    cr_assert_eq(lines.at[lines.count - 1].count, 1000);
    double mean;
    double deviation;
    latency_moments(&hist, 0, &mean, &deviation);
    cr_assert(fabs(mean - 500.5) < 5 && fabs(deviation - 288.7) < 4, "%f %f", mean, deviation);
    free(lines.at);
    hist_finish(&hist);
}
