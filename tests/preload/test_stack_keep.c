#include "stack_keep.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "stack_term.h"

enum { WORD = 8 };

static stack_rule sp_rule(uint32_t cfa_off)
{
    return (stack_rule)cfa_off << 32 | STACK_RULE_SP;
}

static stack_rule saving(stack_rule rule, int32_t bp_off)
{
    return rule | STACK_RULE_SAVES_BP | ((uint64_t)(uint32_t)bp_off & 0xffffff) << 8;
}

/* Frames of 32 bytes, frame 0 outermost, at made-up addresses that nothing reads. */
static struct stack_mend *make_walk(uint32_t count)
{
    struct stack_mend *mend = calloc(1, sizeof *mend);
    cr_assert_not_null(mend);
    stack_mend_init(mend, SESSION_DEPTH_MAX);
    mend->count = count;
    mend->known = count;
    for (uint32_t i = 0; i < count; i++) {
        mend->pcs[i] = 0x401000 + i * 16;
        mend->sps[i] = 0x7000 - i * 32;
        mend->slots[i] = mend->sps[i] - WORD;
        mend->rules[i] = sp_rule(32);
        mend->terms[i] = stack_term(mend->pcs[i], 0, i);
        mend->hash += mend->terms[i];
    }
    cr_assert(stack_mend_is_sum_right(mend));
    return mend;
}

static void add_fresh(struct stack_mend *mend, uintptr_t pc, uintptr_t sp)
{
    mend->fresh[mend->fresh_count++] =
        (struct stack_fresh){.at = {.pc = pc, .sp = sp}, .rule = sp_rule(16)};
}

Test(stack_keep, bp_is_where_the_nearest_inner_frame_saved_it)
{
    struct stack_mend *mend = make_walk(6);
    cr_assert_eq(stack_keep_bp_at(mend, 2), STACK_BP_REGISTER);
    mend->rules[5] = saving(mend->rules[5], -16);
    cr_assert_eq(stack_keep_bp_at(mend, 2), mend->sps[4] - 16);
    mend->rules[3] = saving(mend->rules[3], -24);
    cr_assert_eq(stack_keep_bp_at(mend, 2), mend->sps[2] - 24);
    cr_assert_eq(stack_keep_bp_at(mend, 3), mend->sps[4] - 16);
    cr_assert_eq(stack_keep_bp_at(mend, 5), STACK_BP_REGISTER);
    free(mend);
}

Test(stack_keep, a_step_by_tables_tells_where_it_left_bp)
{
    struct stack_mend *mend = make_walk(4);
    mend->rules[3] = saving(mend->rules[3], -16);
    mend->rules[2] = STACK_RULE_TABLE;
    stack_keep_note_bp(mend, 2, 0x6000, 0x6000);
    cr_assert_eq(stack_keep_bp_at(mend, 1), mend->sps[2] - 16, "it left bp alone");
    stack_keep_note_bp(mend, 2, 0x6000, 0x6500);
    cr_assert_eq(stack_keep_bp_at(mend, 1), 0x6500);
    stack_keep_note_bp(mend, 2, 0x6000, STACK_BP_LOST);
    cr_assert_eq(stack_keep_bp_at(mend, 0), STACK_BP_LOST);
    free(mend);
}

Test(stack_keep, more_frames_in_the_middle_move_those_further_in)
{
    struct stack_mend *mend = make_walk(5);
    uintptr_t inner_pc = mend->pcs[4];
    mend->keep = 3;
    mend->names.count = 5;
    add_fresh(mend, 0x500000, 0x6fd0);
    add_fresh(mend, 0x500010, 0x6fe0);
    add_fresh(mend, 0x500020, 0x6ff0);
    cr_assert(stack_keep_splice(mend, 0, &(struct stack_cursor){.pc = mend->pcs[0]}));
    cr_assert_eq(mend->count, 6);
    cr_assert_eq(mend->pcs[1], 0x500020);
    cr_assert_eq(mend->pcs[3], 0x500000);
    cr_assert_eq(mend->pcs[5], inner_pc);
    cr_assert_eq(mend->names.count, 1);
    cr_assert(stack_mend_is_sum_right(mend));
    free(mend);
}

Test(stack_keep, fewer_frames_in_the_middle_move_those_further_in)
{
    struct stack_mend *mend = make_walk(8);
    mend->keep = 6;
    add_fresh(mend, 0x500000, 0x6fd0);
    cr_assert(stack_keep_splice(mend, 1, &(struct stack_cursor){.pc = mend->pcs[1]}));
    cr_assert_eq(mend->count, 5);
    cr_assert_eq(mend->pcs[2], 0x500000);
    cr_assert_eq(mend->pcs[4], 0x401000 + 7 * 16);
    cr_assert(stack_mend_is_sum_right(mend));
    free(mend);
}

Test(stack_keep, a_stack_deeper_than_the_limit_is_refused_whole)
{
    struct stack_mend *mend = make_walk(5);
    uint64_t hash = mend->hash;
    mend->depth_max = 6;
    mend->keep = 3;
    for (int i = 0; i < 4; i++) {
        add_fresh(mend, 0x500000, 0x6f00);
    }
    cr_assert_not(stack_keep_splice(mend, 0, &(struct stack_cursor){.pc = mend->pcs[0]}));
    cr_assert_eq(mend->hash, hash);
    cr_assert_eq(mend->count, 5);
    free(mend);
}
