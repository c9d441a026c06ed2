#include "heap/heap_slow.h"

#include <criterion/criterion.h>

#include "alloctrap/loglin.h"

static struct heap_slow slow;

static void add(uint64_t ns, uint32_t site)
{
    if (heap_slow_wants(&slow, ns)) {
        heap_slow_add(&slow, &(struct profile_slow_call){.ns = ns, .site = site});
    }
}

static unsigned count_of(uint64_t ns)
{
    unsigned count = 0;
    for (unsigned i = 0; i < slow.count; i++) {
        count += slow.calls[i].ns == ns;
    }
    return count;
}

Test(heap_slow, all_are_kept_while_there_is_room)
{
    slow = (struct heap_slow){0};
    cr_assert(heap_slow_wants(&slow, 0), "even one that took no time");
    for (uint64_t ns = 0; ns < PROFILE_SLOW_CALLS; ns++) {
        add(ns, 1);
    }
    cr_assert_eq(slow.count, PROFILE_SLOW_CALLS);
    for (uint64_t ns = 0; ns < PROFILE_SLOW_CALLS; ns++) {
        cr_assert_eq(count_of(ns), 1);
    }
}

Test(heap_slow, once_full_the_fastest_goes_for_a_slower_one)
{
    slow = (struct heap_slow){0};
    for (uint64_t ns = 1000; ns > 0; ns--) {
        add(ns * 7919 % 1009, 1); /* every value from 1 to 1008 but a few, in no order */
    }
    cr_assert_eq(slow.count, PROFILE_SLOW_CALLS);
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < slow.count; i++) {
        least = slow.calls[i].ns < least ? slow.calls[i].ns : least;
    }
    unsigned slower = 0;
    for (uint64_t ns = 1000; ns > 0; ns--) {
        slower += ns * 7919 % 1009 >= least;
    }
    cr_assert_eq(slower, PROFILE_SLOW_CALLS, "none that is slower than the fastest was left out");
}

Test(heap_slow, of_equally_slow_ones_the_first_stay)
{
    slow = (struct heap_slow){0};
    for (uint32_t i = 0; i < 2 * PROFILE_SLOW_CALLS; i++) {
        add(50, i);
    }
    for (unsigned i = 0; i < slow.count; i++) {
        cr_assert_lt(slow.calls[i].site, PROFILE_SLOW_CALLS);
    }
}

/* What the kernel counted comes before the call that it is of. */
static struct heap_event met(uint32_t thread, uint16_t latency, uint32_t faults, uint32_t switches)
{
    return (struct heap_event){.addr = 64,
                               .size = faults,
                               .sp = switches,
                               .path = 5,
                               .thread = thread,
                               .latency = latency,
                               .call = CALL_MALLOC,
                               .flags = SESSION_EVENT_USAGE};
}

Test(heap_slow, what_a_call_met_goes_to_that_call_alone)
{
    slow = (struct heap_slow){0};
    uint16_t latency = loglin_code(30000);
    struct heap_event first = met(1, latency, 12, 0);
    struct heap_event second = met(2, latency, 0, 2);
    heap_slow_met(&slow, &first, 7, 64);
    heap_slow_met(&slow, &second, 7, 64);
    struct profile_slow_call call = {0};
    struct heap_event other = second;
    other.path = 6;
    heap_slow_take(&slow, &other, &call);
    cr_assert_eq(call.cause, PROFILE_CAUSE_NONE, "of another call path");
    heap_slow_take(&slow, &second, &call);
    cr_assert_eq(call.cause, PROFILE_CAUSE_LOCK);
    cr_assert_eq(call.usage.voluntary, 2);
    call = (struct profile_slow_call){0};
    heap_slow_take(&slow, &second, &call);
    cr_assert_eq(call.cause, PROFILE_CAUSE_NONE, "once");
    heap_slow_take(&slow, &first, &call);
    cr_assert_eq(call.cause, PROFILE_CAUSE_FIRST_TOUCH);
    cr_assert_eq(call.usage.minor_faults, 12);
    heap_slow_finish(&slow);
}

Test(heap_slow, measured_calls_are_summed_for_each_site_and_cause)
{
    slow = (struct heap_slow){0};
    for (uint32_t i = 0; i < 300; i++) {
        struct heap_event event = met(i, loglin_code(30000), i % 2 == 0 ? 12 : 0, 0);
        heap_slow_met(&slow, &event, i % 3, 64);
    }
    cr_assert_eq(slow.causes.count, 6);
    for (size_t i = 0; i < slow.causes.count; i++) {
        const struct profile_slow_cause *sum = &slow.causes.at[i];
        bool has_faults = sum->cause == PROFILE_CAUSE_FIRST_TOUCH;
        cr_assert(has_faults || sum->cause == PROFILE_CAUSE_CONSOLIDATION);
        cr_assert_eq(sum->calls, 50);
        cr_assert_eq(sum->ns, 50 * loglin_value(loglin_code(30000)));
        cr_assert_eq(sum->minor_faults, has_faults ? 50 * 12 : 0);
    }
    heap_slow_finish(&slow);
}
