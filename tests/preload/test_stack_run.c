#include "stack_run.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "stack_keep.h"

/* A made-up stack: frame i's return address in its own memory, 4 words a frame, 0 outermost. */
enum { FRAMES = 8, WORDS = 4, ROOM = 8, STACK_WORDS = (FRAMES + 1) * WORDS + ROOM };

static uint64_t memory[STACK_WORDS];

static stack_rule sp_rule(uint32_t words)
{
    return (stack_rule)(words * 8) << 32 | STACK_RULE_SP;
}

static void know(struct stack_mend *mend, uintptr_t pc, stack_rule rule)
{
    *stack_keep_memo(mend, pc) = (struct stack_memo){pc, rule};
}

/* Frame i begins at word (FRAMES - i) * WORDS; `up` words further up. */
static uint64_t *word_of(uint32_t i, uint32_t up)
{
    return &memory[(FRAMES - i) * WORDS + up];
}

static struct stack_mend *make_walk(void)
{
    struct stack_mend *mend = calloc(1, sizeof *mend);
    cr_assert_not_null(mend);
    stack_mend_init(mend, SESSION_DEPTH_MAX);
    mend->stepper.bounds.now =
        (struct stack_range){(uintptr_t)memory, (uintptr_t)(memory + STACK_WORDS)};
    mend->count = FRAMES;
    for (uint32_t i = 0; i < FRAMES; i++) {
        mend->pcs[i] = 0x401000 + i * 16;
        mend->slots[i] = (uintptr_t)word_of(i, 0);
        mend->sps[i] = mend->slots[i] + 8;
        mend->rules[i] = sp_rule(WORDS);
        mend->terms[i] = stack_term(mend->pcs[i], 0, i);
        mend->hash += mend->terms[i];
        *word_of(i, 0) = mend->pcs[i];
    }
    return mend;
}

static uint32_t run(struct stack_mend *mend, uint32_t i, uint32_t up, uintptr_t *ret_moved_bytes,
                    bool *ret_is_met)
{
    uint64_t *word = word_of(i - 1, up);
    return stack_run_mend(mend, i, *word, (uintptr_t)word + 8, ret_moved_bytes, ret_is_met);
}

Test(stack_run, two_other_frames_of_the_same_sizes_are_replaced)
{
    struct stack_mend *mend = make_walk();
    uintptr_t moved_bytes = 77;
    bool is_met = false;
    *word_of(5, 0) = 0x500000;
    *word_of(4, 0) = 0x500010;
    know(mend, 0x500000, sp_rule(WORDS));
    know(mend, 0x500010, sp_rule(WORDS));
    cr_assert_eq(run(mend, 6, 0, &moved_bytes, &is_met), 3);
    cr_assert(is_met);
    cr_assert_eq(moved_bytes, 0);
    cr_assert_eq(mend->pcs[5], 0x500000);
    cr_assert_eq(mend->pcs[4], 0x500010);
    cr_assert(stack_mend_is_sum_right(mend));
    free(mend);
}

Test(stack_run, a_larger_frame_moves_what_is_outward_of_it)
{
    struct stack_mend *mend = make_walk();
    uintptr_t moved_bytes = 0;
    bool is_met = false;
    *word_of(5, 0) = 0x500000;
    know(mend, 0x500000, sp_rule(WORDS + 2));
    *word_of(4, 2) = mend->pcs[4];
    cr_assert_eq(run(mend, 6, 0, &moved_bytes, &is_met), 4);
    cr_assert(is_met);
    cr_assert_eq(moved_bytes, 16);
    cr_assert_eq(mend->sps[4], (uintptr_t)(word_of(4, 2) + 1));
    cr_assert(stack_mend_is_sum_right(mend));
    free(mend);
}

Test(stack_run, nothing_moves_beyond_what_is_known_of_the_stack)
{
    struct stack_mend *mend = make_walk();
    uintptr_t moved_bytes = 0;
    bool is_met = true;
    mend->stepper.bounds.now.high = mend->sps[0] + 8;
    *word_of(5, 0) = 0x500000;
    know(mend, 0x500000, sp_rule(WORDS + 2));
    *word_of(4, 2) = mend->pcs[4];
    know(mend, mend->pcs[4], STACK_RULE_TABLE);
    cr_assert_eq(run(mend, 6, 0, &moved_bytes, &is_met), 5);
    cr_assert_not(is_met);
    cr_assert_eq(mend->pcs[5], 0x500000, "it stands all the same");
    cr_assert(stack_mend_is_sum_right(mend));
    free(mend);
}

Test(stack_run, frames_without_end_are_given_up)
{
    struct stack_mend *mend = make_walk();
    uintptr_t moved_bytes = 0;
    bool is_met = true;
    for (uint32_t i = 1; i < 7; i++) {
        *word_of(i, 0) = 0x500000 + i;
        know(mend, 0x500000 + i, sp_rule(WORDS));
    }
    cr_assert_eq(run(mend, 7, 0, &moved_bytes, &is_met), 7 - STACK_RUN_FRAMES);
    cr_assert_not(is_met);
    cr_assert(stack_mend_is_sum_right(mend));
    free(mend);
}

/* Code with frame pointers: frame i's CFA is its bp + 16, and it saved its caller's there. */
static void keep_frame_pointers(struct stack_mend *mend)
{
    const stack_rule rule = (stack_rule)16 << 32 | ((uint64_t)(uint32_t)-16 & 0xffffff) << 8 |
                            STACK_RULE_SAVES_BP | STACK_RULE_BP;
    for (uint32_t i = 0; i < FRAMES; i++) {
        mend->rules[i] = rule;
        mend->slots[i] = (uintptr_t)&mend->nowhere;
    }
    for (uint32_t i = 1; i < FRAMES; i++) {
        mend->bps[i] = mend->sps[i - 1] - 16;
        if (i + 1 < FRAMES) {
            *(uint64_t *)(mend->sps[i] - 16) = mend->bps[i];
        }
    }
    mend->stepper.bp = mend->bps[FRAMES - 1];
}

Test(stack_run, frame_pointers_are_verified_with_their_return_addresses)
{
    struct stack_mend *mend = make_walk();
    keep_frame_pointers(mend);
    cr_assert_eq(stack_run_skip_by_bp(mend, FRAMES - 1), 0);
    *word_of(3, 0) += 1;
    cr_assert_eq(stack_run_skip_by_bp(mend, FRAMES - 1), 4);
    *word_of(3, 0) -= 1;
    *(uint64_t *)(mend->sps[2] - 16) += 8;
    cr_assert_eq(stack_run_skip_by_bp(mend, FRAMES - 1), 2);
    free(mend);
}

Test(stack_run, a_frame_that_leads_elsewhere_by_bp_keeps_its_old_bp_until_it_is_followed)
{
    struct stack_mend *mend = make_walk();
    keep_frame_pointers(mend);
    uintptr_t moved_bytes = 0;
    uint32_t i = 4;
    uintptr_t bp = mend->bps[4];
    *(uint64_t *)(mend->sps[4] - 16) = bp + 8; /* no code returns from there */
    cr_assert_not(stack_run_by_bp(mend, &i, &moved_bytes));
    cr_assert_eq(i, 4);
    cr_assert_eq(mend->bps[4], bp);
    free(mend);
}
