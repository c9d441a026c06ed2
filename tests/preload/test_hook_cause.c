#include "hook_cause.h"

#include "base_clock.h"
#include "base_sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>

enum { SIZE = 100 };

static struct hook_cause cause;
static const struct stack_at here = {.pc = 0x401237, .sp = 0x7ffd0010};

static void set_up(void)
{
    clock_now_by.kind = SESSION_CLOCK_MONOTONIC;
    hook_cause_start(&cause);
}

static bool may_be_armed(const struct stack_at *at)
{
    return hook_cause_may_be_armed(hook_cause_index(at->pc, at->sp, SIZE));
}

TestSuite(hook_cause, .init = set_up);

Test(hook_cause, nothing_is_measured_before_a_slow_call)
{
    cr_assert_not(may_be_armed(&here));
    cr_assert_not(hook_cause_begin(&cause, &here, SIZE));
}

Test(hook_cause, a_slow_call_arms_its_place_alone)
{
    const struct stack_at same_bit = {.pc = here.pc, .sp = here.sp + 64};
    hook_cause_arm(&cause, &here, SIZE, 0);
    cr_assert(may_be_armed(&here));
    cr_assert(may_be_armed(&same_bit), "the bit is the same");
    cr_assert_not(hook_cause_begin(&cause, &same_bit, SIZE), "the place is not");
    cr_assert(hook_cause_begin(&cause, &here, SIZE));
}

/* Large blocks may be slow where small ones are not, and these are many. */
Test(hook_cause, sizes_of_one_place_are_told_apart)
{
    hook_cause_arm(&cause, &here, 130000, 0);
    cr_assert_not(hook_cause_begin(&cause, &here, SIZE));
    cr_assert_not(hook_cause_begin(&cause, &here, 0));
    cr_assert_not(hook_cause_begin(&cause, &here, SIZE_MAX));
    cr_assert(hook_cause_begin(&cause, &here, 70000), "up to twice as much is like it");
}

/* Pages that were never touched fault; the same pages a second time do not. */
Test(hook_cause, faults_within_the_call_are_told)
{
    enum { PAGES = 32, PAGE_BYTES = 4096 };
    void *mapping = mmap(NULL, (size_t)PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(mapping, MAP_FAILED);
    madvise(mapping, (size_t)PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
    volatile char *memory = mapping;
    for (unsigned round = 0; round < 2; round++) {
        hook_cause_start(&cause); /* nothing to rest for */
        hook_cause_arm(&cause, &here, SIZE, 0);
        cr_assert(hook_cause_begin(&cause, &here, SIZE));
        for (unsigned i = 0; i < PAGES; i++) {
            memory[(size_t)i * PAGE_BYTES] = 1;
        }
        cr_assert(hook_cause_end(&cause));
        if (round == 0) {
            cr_assert_geq(cause.within.minor_faults, PAGES);
        } else {
            cr_assert_lt(cause.within.minor_faults, PAGES);
        }
    }
}

Test(hook_cause, asking_is_paid_for_by_a_rest)
{
    unsigned asked = 0;
    cause.rest_until_ns = clock_monotonic_ns(); /* nothing is saved up */
    hook_cause_arm(&cause, &here, SIZE, 0);
    uint64_t from_ns = cause.rest_until_ns;
    for (unsigned i = 0; i < 10000; i++) {
        asked += hook_cause_begin(&cause, &here, SIZE);
    }
    uint64_t took_ns = clock_monotonic_ns() - from_ns;
    cr_assert_gt(asked, 0);
    /* Each asking takes 20 ns at the very least, and rests for CAUSE_SHARE times as long. */
    cr_assert_leq((asked - 1) * 20 * CAUSE_SHARE, took_ns);
}

/* What measures a slow call costs less than a sixteenth of it: each is measured. */
Test(hook_cause, slow_calls_pay_for_their_own_measuring)
{
    hook_cause_arm(&cause, &here, SIZE, 0);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert(hook_cause_begin(&cause, &here, SIZE));
        cr_assert(hook_cause_end(&cause));
        hook_cause_arm(&cause, &here, SIZE, 2 * CAUSE_COST_MAX_NS * CAUSE_SLOW_SHARE);
    }
}

/* A popular place whose calls were slow once leaves half of what is saved to the others. */
Test(hook_cause, what_is_often_slow_is_measured_beside_what_is_seldom)
{
    const struct stack_at often = {.pc = here.pc + 1, .sp = here.sp};
    unsigned asked = 0;
    cause.rest_until_ns = clock_monotonic_ns() - CAUSE_SAVED_NS;
    hook_cause_arm(&cause, &here, SIZE, 0);
    for (unsigned i = 0; i < 10000; i++) {
        asked += hook_cause_begin(&cause, &here, SIZE);
    }
    cr_assert_gt(asked, CAUSE_OFTEN);
    cr_assert_lt(asked, 10000);
    hook_cause_arm(&cause, &often, SIZE, 0);
    for (unsigned i = 0; i < 2 * CAUSE_OFTEN; i++) {
        cr_assert(hook_cause_begin(&cause, &often, SIZE));
        cr_assert(hook_cause_end(&cause));
    }
    cr_assert_not(hook_cause_begin(&cause, &here, SIZE));
}

Test(hook_cause, a_place_without_slow_calls_is_disarmed)
{
    unsigned asked = 0;
    hook_cause_arm(&cause, &here, SIZE, 0);
    while (may_be_armed(&here)) {
        cause.rest_until_ns = 0;
        asked += hook_cause_begin(&cause, &here, SIZE);
        cr_assert_leq(asked, CAUSE_CALLS);
    }
    cr_assert_eq(asked, CAUSE_CALLS);
    cr_assert_not(hook_cause_begin(&cause, &here, SIZE));
}

Test(hook_cause, of_places_with_one_bit_the_latest_is_armed)
{
    struct stack_at at = here;
    for (unsigned i = 0; i < CAUSE_PLACES; i++) {
        at.pc = here.pc + i;
        hook_cause_arm(&cause, &at, SIZE, 0);
    }
    cause.rest_until_ns = 0;
    cr_assert(hook_cause_begin(&cause, &here, SIZE), "all have room");
    at.pc = here.pc + CAUSE_PLACES;
    hook_cause_arm(&cause, &at, SIZE, 0);
    cause.rest_until_ns = 0;
    cr_assert(hook_cause_begin(&cause, &at, SIZE));
    cr_assert_not(hook_cause_begin(&cause, &here, SIZE));
}

/* In a child that a handler has forked in the middle of a measured call, and that allocated. */
Test(hook_cause, a_measured_call_may_end_in_a_thread_that_began_within_it)
{
    hook_cause_arm(&cause, &here, SIZE, 0);
    cr_assert(hook_cause_begin(&cause, &here, SIZE));
    hook_cause_start(&cause);
    cr_assert(hook_cause_end(&cause));
    cr_assert_not(may_be_armed(&here));
}

Test(hook_cause, behind_a_filter_nothing_is_asked)
{
    hook_cause_arm(&cause, &here, SIZE, 0);
    errno = ENOTTY;
    atomic_store(&sys_is_sealed, true);
    cr_assert_not(hook_cause_begin(&cause, &here, SIZE));
    cr_assert_not(may_be_armed(&here), "nor tried again");
    cr_assert_not(hook_cause_end(&cause));
    cr_assert_eq(errno, ENOTTY);
    atomic_store(&sys_is_sealed, false);
}
