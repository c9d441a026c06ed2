/*
 * stack_run - a few frames in the middle that are others than in the last walk, replaced where they
 * are: each keeps its index, and so does all that is further in.
 * Not for: a stack that is deeper or less deep than it was; stack_mend then walks and splices.
 * Owner:   struct stack_mend.   Threads: one.   Signals: within a capture.   Memory: none.
 * Errno:   never touched.
 */
#ifndef ALLOCTRAP_STACK_RUN_H
#define ALLOCTRAP_STACK_RUN_H

#include "stack_mend.h"

enum { STACK_RUN_FRAMES = 4 /* a function and its caller's place in it are two */ };

/* PURE. Every frame of the last walk, moved like that, lies in what is known of the stack. */
static inline bool stack_run_can_move(const struct stack_mend *mend, uintptr_t moved_bytes)
{
    return !mend->stepper.has_crossed &&
           mend->sps[0] + moved_bytes <= mend->stepper.bounds.now.high;
}

/*
 * HOT. The frame outward of frame `i` was found at (pc, sp) by a plain step. Where it is not what
 * it was, another function was called there, or from another place; a few frames further out the
 * walk mostly meets the old frame of the same index again, be it where it was or moved:
 * *ret_moved_bytes says how far, *ret_is_met that it was so. Those between are replaced in any
 * case. The outermost frame that stands.
 */
uint32_t stack_run_mend(struct stack_mend *mend, uint32_t i, uintptr_t pc, uintptr_t sp,
                        uintptr_t *ret_moved_bytes, bool *ret_is_met);

/* HOT. The same from frame *i, whose rule is bp's, as far as frames lead on by bp: the old ones,
 * moved or not, or a few others. True when *i is an old frame, further out than before. */
bool stack_run_by_bp(struct stack_mend *mend, uint32_t *i, uintptr_t *moved_bytes);

#endif
