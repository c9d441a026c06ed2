#include "heap/slow_cause.h"

#include <criterion/criterion.h>

static void expect(enum profile_cause wanted, struct session_usage usage, uint64_t size,
                   enum hook_effect effect, uint64_t ns)
{
    enum profile_cause cause = slow_cause_of(&usage, size, effect, ns);
    cr_assert_eq(cause, wanted, "%s, not %s", slow_cause_words(cause), slow_cause_words(wanted));
}

Test(slow_cause, faults_below_the_threshold_are_first_touch)
{
    expect(PROFILE_CAUSE_FIRST_TOUCH, (struct session_usage){9, 0, 0, 0}, 40000, HOOK_EFFECT_ALLOC,
           18000);
    expect(PROFILE_CAUSE_FIRST_TOUCH, (struct session_usage){0, 1, 1, 0}, 64, HOOK_EFFECT_FREE,
           4000000);
}

Test(slow_cause, faults_from_the_threshold_on_are_mappings)
{
    expect(PROFILE_CAUSE_MMAP, (struct session_usage){33, 0, 0, 0}, SLOW_CAUSE_MMAP_BYTES,
           HOOK_EFFECT_ALLOC, 60000);
    expect(PROFILE_CAUSE_FIRST_TOUCH, (struct session_usage){33, 0, 0, 0},
           SLOW_CAUSE_MMAP_BYTES - 1, HOOK_EFFECT_ALLOC, 60000);
}

/* Neither giving a mapping back nor moving it need fault; taking one does. */
Test(slow_cause, a_large_block_without_faults_depends_on_the_call)
{
    const struct session_usage none = {0};
    expect(PROFILE_CAUSE_MMAP, none, 1 << 20, HOOK_EFFECT_FREE, 60000);
    expect(PROFILE_CAUSE_MMAP, none, 1 << 20, HOOK_EFFECT_REALLOC, 60000);
    expect(PROFILE_CAUSE_CONSOLIDATION, none, 1 << 20, HOOK_EFFECT_ALLOC, 60000);
}

Test(slow_cause, a_thread_that_sleeps_waits_for_a_lock)
{
    expect(PROFILE_CAUSE_LOCK, (struct session_usage){0, 0, 1, 0}, 64, HOOK_EFFECT_ALLOC, 50000);
    expect(PROFILE_CAUSE_LOCK, (struct session_usage){1, 0, 3, 2}, 1 << 20, HOOK_EFFECT_ALLOC,
           900000);
}

Test(slow_cause, a_thread_that_is_interrupted_was_preempted)
{
    expect(PROFILE_CAUSE_PREEMPTION, (struct session_usage){0, 0, 0, 1}, 64, HOOK_EFFECT_FREE,
           4000000);
    expect(PROFILE_CAUSE_PREEMPTION, (struct session_usage){2, 0, 0, 1}, 1 << 20, HOOK_EFFECT_ALLOC,
           4000000);
}

/* Switches that happen beside faults which take the time anyway are not the cause. */
Test(slow_cause, what_explains_the_time_is_named)
{
    expect(PROFILE_CAUSE_MMAP, (struct session_usage){256, 0, 0, 1}, 1 << 20, HOOK_EFFECT_ALLOC,
           300000);
    expect(PROFILE_CAUSE_FIRST_TOUCH, (struct session_usage){20, 0, 1, 0}, 90000, HOOK_EFFECT_ALLOC,
           80000);
}

Test(slow_cause, nothing_counted_is_the_allocator)
{
    expect(PROFILE_CAUSE_CONSOLIDATION, (struct session_usage){0}, 70000, HOOK_EFFECT_FREE, 30000);
    expect(PROFILE_CAUSE_CONSOLIDATION, (struct session_usage){0}, 0, HOOK_EFFECT_FREE, 30000);
}

Test(slow_cause, each_has_a_name_but_what_was_not_measured)
{
    cr_assert_str_empty(slow_cause_name(PROFILE_CAUSE_NONE));
    for (int i = 1; i < PROFILE_CAUSES; i++) {
        cr_assert_str_not_empty(slow_cause_name((enum profile_cause)i));
        cr_assert_str_not_empty(slow_cause_words((enum profile_cause)i));
    }
}
