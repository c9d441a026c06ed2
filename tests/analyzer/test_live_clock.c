#include "live/live_clock.h"

#include <criterion/criterion.h>
#include <time.h>

enum { DRIFT_MAX_NS = 5000000 };

static void check_near(uint64_t actual_ns, uint64_t expected_ns)
{
    uint64_t apart = actual_ns > expected_ns ? actual_ns - expected_ns : expected_ns - actual_ns;
    cr_assert_lt(apart, DRIFT_MAX_NS, "%llu ns apart", (unsigned long long)apart);
}

Test(live_clock, it_goes_on_and_is_the_monotonic_one)
{
    struct timespec now;
    uint64_t first_ns = live_clock_ns();
    clock_gettime(CLOCK_MONOTONIC, &now);
    cr_assert_leq(first_ns, (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec);
    cr_assert_leq(first_ns, live_clock_ns());
}

Test(live_clock, the_wall_clock_is_the_wall_clock)
{
    cr_assert_eq(live_clock_realtime_ns() / 1000000000U / 10, (uint64_t)time(NULL) / 10);
}

Test(live_clock, a_measured_rule_tells_the_time_of_the_monotonic_clock)
{
    struct session_clock rule;
    live_clock_calibrate(&rule);
    check_near(live_clock_by(&rule), live_clock_ns());
    cr_assert_gt(rule.cost_ns, 0, "reading a clock costs something");
    cr_assert_lt(rule.cost_ns, 100000000, "in 1/1000 ns");
}

Test(live_clock, a_rule_that_no_measurement_gives_is_not_followed)
{
    struct session_clock rules[] = {{.kind = 7, .mult = 1},
                                    {.kind = SESSION_CLOCK_TSC, .mult = 0},
                                    {.kind = SESSION_CLOCK_TSC, .mult = UINT64_MAX}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        check_near(live_clock_by(&rules[i]), live_clock_ns());
    }
}
