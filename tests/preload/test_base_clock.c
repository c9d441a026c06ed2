#include "base_clock.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(base_clock, ticks_become_ns_by_the_rule)
{
    struct session_clock rule = {
        .kind = SESSION_CLOCK_TSC, .base_ticks = 1000, .base_ns = 5000, .mult = UINT64_C(1) << 31};
    clock_use(&rule);
    cr_assert_eq(clock_to_ns(1000), 5000);
    cr_assert_eq(clock_to_ns(1010), 5005);
    cr_assert_eq(clock_to_ns(990), 4995, "a tick before the base is a time before it");
    uint64_t year_of_ticks = UINT64_C(3000000000) * 86400 * 365;
    cr_assert_eq(clock_to_ns(1000 + year_of_ticks), 5000 + year_of_ticks / 2);
}

Test(base_clock, a_rule_that_cannot_be_used_is_the_kernels_clock)
{
    clock_use(&(struct session_clock){.kind = SESSION_CLOCK_TSC, .mult = 0});
    cr_assert_eq(clock_now_by.kind, SESSION_CLOCK_MONOTONIC);
    clock_use(&(struct session_clock){.kind = SESSION_CLOCK_TSC, .mult = UINT64_MAX});
    cr_assert_eq(clock_now_by.kind, SESSION_CLOCK_MONOTONIC);
    cr_assert_eq(clock_to_ns(123), 123);
}

Test(base_clock, the_calibrated_clock_agrees_with_the_kernels)
{
    struct session_clock rule;
    clock_calibrate(&rule);
    cr_assert_gt(rule.cost_ns, 0);
    uint64_t before = clock_monotonic_ns();
    uint64_t ours = clock_to_ns(clock_ticks());
    uint64_t after = clock_monotonic_ns();
    cr_assert_gt(ours + 100000, before);
    cr_assert_lt(ours, after + 100000);
}

Test(base_clock, the_tsc_is_trusted_where_the_kernel_goes_by_it)
{
    cr_assert(clock_rule_trusts_tsc("tsc\n", false));
    cr_assert(clock_rule_trusts_tsc("kvm-clock\n", true));
    cr_assert(clock_rule_trusts_tsc("hyperv_clocksource_tsc_page", true));
    cr_assert_not(clock_rule_trusts_tsc("kvm-clock\n", false), "its rate may change");
    cr_assert_not(clock_rule_trusts_tsc("hpet\n", true), "the kernel has found the TSC wanting");
    cr_assert_not(clock_rule_trusts_tsc("tsc-early\n", true));
    cr_assert_not(clock_rule_trusts_tsc("acpi_pm", true));
    cr_assert_not(clock_rule_trusts_tsc("", true));
}

Test(base_clock, a_quick_span_is_the_span_below_the_ticks_of_a_slow_call)
{
    clock_use(&(struct session_clock){
        .kind = SESSION_CLOCK_TSC, .base_ticks = 1000, .base_ns = 5000, .mult = 1431655765});
    cr_assert_not(clock_times_calls_by_tsc(), "not before it is asked for");
    clock_time_calls(true);
    cr_assert(clock_times_calls_by_tsc());
    cr_assert_lt(clock_span_ns(clock_slow_ticks - 1, 0), SESSION_SLOW_NS);
    cr_assert_geq(clock_span_ns(clock_slow_ticks + 1, 0), SESSION_SLOW_NS);
    for (uint64_t ticks = 0; ticks < clock_slow_ticks; ticks += 7) {
        cr_assert_eq(clock_tsc_quick_ns(ticks), clock_span_ns(ticks, 0));
        cr_assert_eq(clock_tsc_to_ns(ticks), clock_to_ns(ticks));
    }
    clock_stop();
    cr_assert_not(clock_times_calls_by_tsc());
}
