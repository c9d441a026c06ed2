/*
 * stack_mend - the last walk of a thread, verified and mended into the present one.
 * Unwinding is a function of (pc, sp, bp) at the call and of the stack slots that the rules read.
 * So a walk is kept with those slots, and the next one checks them instead of unwinding anew; what
 * differs is unwound and put in its place (docs/decisions/0003-verified-walk.md).
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
    /* Not 512: arrays a page apart would share cache sets, and a store to one would seem to be one
     * to the next. */
    STACK_FRAMES_ROOM = STACK_FRAMES_MAX + 24,
    STACK_MEMO_BITS = 8 /* 4 KiB: the call sites that a thread goes back and forth between */
};

/* A rule this thread has looked up: without the atomics of the process's table. */
struct stack_memo {
    uintptr_t pc; /* a return address; 0 = none */
    stack_rule rule;
};

/* A frame found by a step, before its index from the root is known. */
struct stack_fresh {
    struct stack_cursor at;
    stack_rule rule;
};

/* A frame found by a plain step that takes an old one's index. */
struct stack_run {
    uintptr_t pc;
    uintptr_t sp;
    stack_rule rule;
};

/*
 * Index 0 = outermost. [0, count) is the last walk. [count, known) are frames of one before, which
 * lead to it as they stand in memory or would: they are looked at when the stack is that deep
 * again. What the verification reads of every frame, slot and pc, is in arrays of its own: 16 bytes
 * a frame.
 */
struct stack_mend {
    uint32_t count; /* frames of the last walk */
    uint32_t known;
    uint32_t keep; /* frames from this index inward are verified for this capture */
    uint32_t fresh_count;
    uint32_t flags; /* SESSION_NODE_CUT */
    uint32_t depth_max;
    bool can_join;     /* the last walk may be verified: one stack, not cut by the depth limit */
    bool is_too_deep;  /* this walk is cut by the depth limit */
    bool is_busy;      /* inside a capture; seen at its start: a siglongjmp left the last one */
    uint64_t sum;      /* of terms[0 .. count) */
    uintptr_t nowhere; /* 0, which is no pc */
    struct stack_stepper stepper;
    uintptr_t slots[STACK_FRAMES_ROOM]; /* where frame i's pc stands, when that is all there is to
                                           check; else the address of `nowhere` */
    uintptr_t pcs[STACK_FRAMES_ROOM];
    uintptr_t sps[STACK_FRAMES_ROOM];
    uint64_t terms[STACK_FRAMES_ROOM];
    stack_rule rules[STACK_FRAMES_ROOM]; /* from this frame outward */
    uintptr_t bps[STACK_FRAMES_ROOM];    /* bp's value, where the frame's rule needs it */
    uintptr_t bp_ats[STACK_FRAMES_ROOM]; /* where frame i + 1, by a rule of another kind than SP and
                                            BP, left bp; or STACK_BP_PASSED */
    uint8_t frame_flags[STACK_FRAMES_ROOM];
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
