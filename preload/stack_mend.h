/*
 * stack_mend - the last walk of a thread, verified and mended into the present one.
 * Unwinding is a function of (pc, sp, bp) at the call and of the stack slots that the rules read.
 * So a walk is kept with those slots, and the next one checks them instead of unwinding anew; what
 * differs is unwound and put in its place (docs/decisions/0001-stack-walk.md).
 * Owner:   part of struct stack_state.   Threads: one.
 * Signals: a capture must not be nested; one that a siglongjmp left is noticed and forgotten.
 * Memory:  the struct alone.   Errno: never touched.
 */
#ifndef ALLOCTRAP_STACK_MEND_H
#define ALLOCTRAP_STACK_MEND_H

#include "alloctrap/session.h"
#include "stack_step.h"
#include "stack_walk.h"

enum {
    STACK_FRAMES_MAX = SESSION_DEPTH_MAX,
    STACK_MEMO_BITS = 7 /* 2 KiB: the call sites that a thread goes back and forth between */
};

/* A rule this thread has looked up: without the atomics of the process's table. */
struct stack_memo {
    uintptr_t pc; /* as looked up; 0 = none */
    stack_rule rule;
};

/* A frame found by a step, before its index from the root is known. */
struct stack_fresh {
    struct stack_cursor at;
    stack_rule rule;
};

/*
 * Index 0 = outermost. What the verification reads of every frame, slot and pc, is in arrays of its
 * own: 16 bytes a frame.
 */
struct stack_mend {
    struct stack_stepper stepper;
    uint32_t depth_max;
    uint32_t count;   /* frames of the last walk */
    uint32_t flags;   /* SESSION_NODE_CUT */
    bool can_join;    /* the last walk may be verified: one stack, not cut by the depth limit */
    bool is_too_deep; /* this walk is cut by the depth limit */
    bool is_busy;     /* inside a capture; seen at its start: a siglongjmp left the last one */
    uint32_t keep;    /* frames from this index inward are verified for this capture */
    uint32_t fresh_count;
    uint64_t sum;                      /* of terms[0 .. count) */
    uintptr_t slots[STACK_FRAMES_MAX]; /* address of the return address, or special: odd */
    uintptr_t pcs[STACK_FRAMES_MAX];
    uintptr_t sps[STACK_FRAMES_MAX];
    uintptr_t bp_ats[STACK_FRAMES_MAX];
    uintptr_t bps[STACK_FRAMES_MAX]; /* bp's value, where the frame's rule needs it */
    uint64_t terms[STACK_FRAMES_MAX];
    stack_rule rules[STACK_FRAMES_MAX]; /* from this frame outward */
    uint8_t frame_flags[STACK_FRAMES_MAX];
    struct stack_fresh fresh[STACK_FRAMES_MAX];
    struct stack_memo memo[1 << STACK_MEMO_BITS]; /* of stepper.epoch */
};

/* COLD. The struct is zeroed memory. */
void stack_mend_init(struct stack_mend *mend, uint32_t depth_max);

/* HOT. The next capture walks the whole stack. */
void stack_mend_forget(struct stack_mend *mend);

/* HOT. Walks the stack of `at`: count, flags, sum, pcs and frame_flags are then its own. */
void stack_mend_walk(struct stack_mend *mend, const struct stack_at *at);

/* HOT. Takes over frames that somebody else has walked, innermost first. */
void stack_mend_take(struct stack_mend *mend, const uintptr_t *pcs, uint32_t count);

/* COLD. Mending adds and takes terms; computed anew from the frames, is the sum the same? */
bool stack_mend_is_sum_right(const struct stack_mend *mend);

#endif
