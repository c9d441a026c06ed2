#include "heap/heap_slow.h"

#include <criterion/criterion.h>

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
