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
#include "stack_term.h"
#include "stack_walk.h"

#include <stdatomic.h>

enum {
    STACK_FRAMES_MAX = SESSION_DEPTH_MAX,
    /* Not 512: arrays a page apart would share cache sets, and a store to one would seem to be one
     * to the next. */
    STACK_FRAMES_ROOM = STACK_FRAMES_MAX + 24,
    STACK_MEMO_BITS = 8,   /* 4 KiB: the call sites that a thread goes back and forth between */
    STACK_SIBLING_BITS = 3 /* in sets of two, so that no two calls that take turns push each other
                              out */
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

/* A call from the innermost frame of the last walk, which may be made from several places of the
 * function: malloc() and free() in turn. */
struct stack_sibling {
    uintptr_t pc; /* its return address; 0 = none */
    void *note;   /* of its stack */
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
    bool is_cut;
    uint32_t depth_max;
    bool can_join;    /* the last walk may be verified: one stack, not cut by the depth limit */
    bool is_too_deep; /* this walk is cut by the depth limit */
    bool is_busy;     /* inside a capture; seen at its start: a siglongjmp left the last one */
    uint64_t hash;    /* the sum of terms[0 .. count), and STACK_TERM_CUT for a cut */
    uintptr_t top_sp; /* of the innermost frame, where the last walk leads to an outermost one by
                         the tables and a look may tell that it is this stack again; else 0 */
    uint32_t stands;  /* the look that failed last: as far as this frame the stack is the last walk;
                         0: not at all, or that walk is forgotten */
    uint32_t siblings_index;  /* of the frame that siblings are of */
    uint64_t siblings_outer;  /* the sum of the terms outward of it */
    stack_rule siblings_rule; /* of one of them; where the others' is another one, it leads to the
                                 same place */
    struct stack_sibling siblings[1 << STACK_SIBLING_BITS];
    uintptr_t nowhere; /* 0, which is no pc */
    struct stack_stepper stepper;
    struct stack_cursor at;   /* where a capture has come to */
    struct stack_cursor from; /* a kept frame that is stepped from, and its caller: scratch */
    struct stack_cursor to;
    uintptr_t slots[STACK_FRAMES_ROOM]; /* where frame i's pc stands, when that is all there is to
                                           check; else the address of `nowhere` */
    uintptr_t pcs[STACK_FRAMES_ROOM];
    uintptr_t sps[STACK_FRAMES_ROOM];
    uint64_t terms[STACK_FRAMES_ROOM];
    stack_rule rules[STACK_FRAMES_ROOM]; /* from this frame outward, with this frame's flags */
    uintptr_t bps[STACK_FRAMES_ROOM];    /* bp's value, where the frame's rule needs it */
    uintptr_t bp_ats[STACK_FRAMES_ROOM]; /* where the step from it left bp, by a rule of another
                                            kind than SP and BP */
    struct stack_names names;
    struct stack_fresh fresh[STACK_FRAMES_MAX];
    struct stack_memo memo[1 << STACK_MEMO_BITS]; /* of stepper.epoch */
};

/* COLD. The struct is zeroed memory, or was one before. */
void stack_mend_init(struct stack_mend *mend, uint32_t depth_max);

/* HOT. The next capture walks the whole stack. */
void stack_mend_forget(struct stack_mend *mend);

/* HOT. Walks the stack of `at`: count, hash, is_cut, pcs and rules are then its own. */
void stack_mend_walk(struct stack_mend *mend, const struct stack_at *at);

/* HOT. Takes over frames that somebody else has walked, innermost first; is_cut: there are more. */
void stack_mend_take(struct stack_mend *mend, const uintptr_t *pcs, uint32_t count, bool is_cut);

static inline bool stack_mend_is_same(const struct stack_mend *mend, size_t i)
{
    return __builtin_expect(*(const uintptr_t *)mend->slots[i] == mend->pcs[i], true);
}

/* Frame i and the three outward of it. */
static inline bool stack_mend_are_same(const struct stack_mend *mend, size_t i)
{
    return stack_mend_is_same(mend, i) && stack_mend_is_same(mend, i - 1) &&
           stack_mend_is_same(mend, i - 2) && stack_mend_is_same(mend, i - 3);
}

/* HOT. Outward from frame `from` as long as slots hold what they held: the frame inward of the
 * first that does not; 0: all. This loop is most of what a deep stack costs. */
__attribute__((always_inline)) static inline uint32_t
stack_mend_skip_same(const struct stack_mend *mend, uint32_t from)
{
    size_t n = from;
    while (n >= 8 && stack_mend_are_same(mend, n - 1) && stack_mend_are_same(mend, n - 5)) {
        n -= 8;
        __asm__("" : "+r"(n)); /* an index alone: gcc would keep a pointer beside it */
    }
    while (n >= 4 && stack_mend_are_same(mend, n - 1)) {
        n -= 4;
    }
    while (n > 0 && stack_mend_is_same(mend, n - 1)) {
        n--;
    }
    return (uint32_t)n;
}

/* HOT. The same where frames may lead outward by bp, from one that does (stack_run.c). */
uint32_t stack_run_skip_by_bp(const struct stack_mend *mend, uint32_t from);

/* HOT. Frame i is about to be another one: names of those from there inward are void. */
static inline void stack_mend_unname(struct stack_mend *mend, size_t i)
{
    if (i < mend->names.count) {
        mend->names.count = (uint32_t)i;
    }
}

/* The two places of siblings with that return address. */
static inline struct stack_sibling *stack_mend_siblings(struct stack_mend *mend, uintptr_t pc)
{
    return &mend->siblings[stack_term_spread(pc) >> (65 - STACK_SIBLING_BITS) << 1];
}

/* The sibling with that return address, or another. */
static inline struct stack_sibling *stack_mend_sibling(struct stack_mend *mend, uintptr_t pc)
{
    struct stack_sibling *sibling = stack_mend_siblings(mend, pc);
    return __builtin_expect(sibling->pc == pc, true) ? sibling : sibling + 1;
}

/* HOT. The note of the stack of a call that returns to `pc` at `sp`, where it is the last walk once
 * more, or from another call of the same function, which is so nearly always. Else NULL, and
 * stack_mend_by_bp() may find out more. Nothing is changed. */
__attribute__((always_inline)) static inline void *stack_mend_again(struct stack_mend *mend,
                                                                    uintptr_t pc, uintptr_t sp)
{
    const struct stack_sibling *sibling = stack_mend_sibling(mend, pc);
    if (mend->top_sp != sp || sibling->pc != pc) {
        mend->stands = 0;
        return NULL;
    }
    uint32_t n = stack_mend_skip_same(mend, mend->count - 1);
    if (__builtin_expect(n != 0, false)) {
        mend->stands = n;
        return NULL;
    }
    return sibling->note;
}

/* stack_mend_by_bp(), where there is something left. */
void *stack_mend_follow_bp(struct stack_mend *mend, uintptr_t pc, uintptr_t bp);

/* HOT. What stack_mend_again() has just left open, of code with frame pointers. */
static inline void *stack_mend_by_bp(struct stack_mend *mend, uintptr_t pc, uintptr_t bp)
{
    return mend->stands == 0 ? NULL : stack_mend_follow_bp(mend, pc, bp);
}

/* HOT. The note of the stack that has just been walked. */
void stack_mend_note(struct stack_mend *mend, void *note);

/* COLD. Mending adds and takes terms; computed anew from the frames, is the sum the same? */
bool stack_mend_is_sum_right(const struct stack_mend *mend);

#endif
