#include "latency.h"

#include <criterion/criterion.h>

static struct latency latency;

Test(latency, has_no_percentiles_of_nothing)
{
    cr_assert_eq(latency_percentile(&latency, 5000), 0);
}

Test(latency, percentiles_are_within_two_percent)
{
    for (uint64_t i = 1; i <= 10000; i++) {
        latency_add(&latency, i * 1000);
    }
    cr_assert_eq(latency.batches, 10000);
    static const unsigned ranks[] = {5000, 9000, 9900, 9990};
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        uint64_t exact_ns = ranks[i] * UINT64_C(1000);
        uint64_t found_ns = latency_percentile(&latency, ranks[i]);
        cr_assert(found_ns >= exact_ns - exact_ns / 50 && found_ns <= exact_ns + exact_ns / 50);
    }
    cr_assert_eq(latency.max_ns, 10000000);
}

Test(latency, no_percentile_is_above_the_maximum)
{
    latency_add(&latency, 1000001);
    cr_assert_eq(latency_percentile(&latency, 5000), latency_percentile(&latency, 9990));
    cr_assert_leq(latency_percentile(&latency, 9990), latency.max_ns);
}
