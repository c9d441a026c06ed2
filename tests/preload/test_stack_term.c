#include "stack_term.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "alloctrap/session.h"

Test(stack_term, weights_are_odd_and_differ)
{
    for (uint32_t i = 0; i < SESSION_DEPTH_MAX; i++) {
        cr_assert_eq(stack_term_weights[i] & 1, 1);
        for (uint32_t other = 0; other < i; other++) {
            cr_assert_neq(stack_term_weights[i], stack_term_weights[other]);
        }
    }
}

Test(stack_term, frames_in_another_order_make_another_sum)
{
    uintptr_t a = 0x401000;
    uintptr_t b = 0x401010;
    cr_assert_neq(stack_term(a, 0, 0) + stack_term(b, 0, 1),
                  stack_term(b, 0, 0) + stack_term(a, 0, 1));
    cr_assert_neq(stack_term(a, SESSION_NODE_EXACT_PC, 0), stack_term(a, 0, 0));
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* All stacks of 16 frames out of two call sites: what recursion over a tree makes. */
Test(stack_term, stacks_of_two_alternating_frames_all_differ)
{
    enum { FRAMES = 16, STACKS = 1 << FRAMES };
    static uint64_t sums[STACKS];
    for (uint32_t stack = 0; stack < STACKS; stack++) {
        for (uint32_t i = 0; i < FRAMES; i++) {
            sums[stack] += stack_term((stack >> i & 1) != 0 ? 0x55550010 : 0x55550025, 0, i);
        }
    }
    qsort(sums, STACKS, sizeof *sums, by_value);
    for (uint32_t i = 1; i < STACKS; i++) {
        cr_assert_neq(sums[i - 1], sums[i]);
    }
}
