#include "insight/latency.h"

#include <criterion/criterion.h>

Test(latency, takes_the_clock_off_and_never_goes_below_zero)
{
    cr_assert_eq(latency_net(1000, 10, 20500), 795);
    cr_assert_eq(latency_net(100, 10, 20500), 0);
    cr_assert_eq(latency_net(100, 10, 0), 100);
    cr_assert_eq(latency_net(UINT64_MAX, UINT64_MAX, UINT64_MAX), 0);
}

Test(latency, percentiles_come_from_the_histogram_and_the_maximum_from_the_counters)
{
    struct hist hist = {0};
    hist_add(&hist, loglin_code(50), 980);
    hist_add(&hist, loglin_code(60), 20);
    struct profile_calls calls = {.calls = 1000, .ns = 50200, .ns_max = 60};
    struct latency l = latency_of(&calls, &hist, 10000);
    cr_assert_eq(l.count, 1000);
    cr_assert_eq(l.total_ns, 40200);
    cr_assert_eq(l.p50_ns, 40);
    cr_assert_eq(l.p90_ns, 40);
    cr_assert_eq(l.p99_ns, 50);
    cr_assert_eq(l.p999_ns, 50);
    cr_assert_eq(l.max_ns, 50);
    hist_finish(&hist);
}

Test(latency, no_percentile_is_above_the_maximum)
{
    struct hist hist = {0};
    hist_add(&hist, loglin_code(1200), 5);
    struct profile_calls calls = {.calls = 5, .ns = 6000, .ns_max = 1190};
    struct latency l = latency_of(&calls, &hist, 0);
    cr_assert_eq(l.p999_ns, 1190);
    hist_finish(&hist);
}
