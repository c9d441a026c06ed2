/*
 * stack_keep - the frames of a walk as they are kept: read, put, given another index.
 * Not for: finding out whether they still stand; that is stack_mend.
 * Owner:   struct stack_mend.   Threads: one.   Signals: within a capture.   Memory: none.
 * Errno:   never touched.
 */
#ifndef ALLOCTRAP_STACK_KEEP_H
#define ALLOCTRAP_STACK_KEEP_H

#include "stack_mend.h"

/* A cursor's bp: where that of the frame is that the walk stepped out of, not looked for yet. */
#define STACK_KEEP_BP_INHERITED ((uintptr_t)1)

/* PURE. More than a return address led to frame i. */
static inline bool stack_keep_is_special(const struct stack_mend *mend, size_t i)
{
    return mend->slots[i] == (uintptr_t)&mend->nowhere;
}

/* PURE. What `slots` says of a frame found at `at`. */
static inline uintptr_t stack_keep_slot(const struct stack_mend *mend,
                                        const struct stack_cursor *at)
{
    return at->is_special ? (uintptr_t)&mend->nowhere : at->sp - 8;
}

/*
 * HOT. Where frame i has its bp: where the nearest frame further in saved it. Looked for when it
 * is wanted and not kept, as few frames want it and every change further in may move it.
 */
uintptr_t stack_keep_bp_at(const struct stack_mend *mend, uint32_t i);

/* HOT. Frame i as a cursor, its bp STACK_KEEP_BP_INHERITED. */
void stack_keep_load(const struct stack_mend *mend, uint32_t i, struct stack_cursor *ret);

/* HOT. What the step from frame i tells of bp further out, where its rule is not SP's or BP's. */
void stack_keep_note_bp(struct stack_mend *mend, uint32_t i, uintptr_t from_bp_at,
                        uintptr_t to_bp_at);

/* HOT. Puts the fresh frames between old frame `join` (-1: nothing is left of the root's side),
 * which was reached at `at`, and the kept ones. False when the whole would be deeper than the state
 * can hold. */
bool stack_keep_splice(struct stack_mend *mend, int join, const struct stack_cursor *at);

static inline struct stack_memo *stack_keep_memo(struct stack_mend *mend, uintptr_t pc)
{
    return &mend->memo[stack_term_spread(pc) >> (64 - STACK_MEMO_BITS)];
}

/* HOT. stack_keep_rule() where the memo has another address. */
stack_rule stack_keep_look_up(struct stack_mend *mend, uintptr_t pc);

/* HOT. The rule for code that returns to pc. */
static inline stack_rule stack_keep_rule(struct stack_mend *mend, uintptr_t pc)
{
    const struct stack_memo *memo = stack_keep_memo(mend, pc);
    return __builtin_expect(memo->pc == pc, true) ? memo->rule : stack_keep_look_up(mend, pc);
}

#endif
