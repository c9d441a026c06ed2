/*
 * hook_cause - what slow calls meet in the kernel: page faults and context switches.
 * A slow call arms its place: the return address and the stack pointer of its caller, which stand
 * for its call path, and the power of two that its size lies below. An armed call asks the kernel
 * before the first reading of the clock, and again after the second when it was slow, so that its
 * time stays its own.
 *
 * Not for: the first slow call of a place, which nobody expected: it has no numbers.
 *
 * Bounds: a thread arms CAUSE_PLACES places; a place is disarmed after CAUSE_CALLS measured calls
 * without a slow one; asking takes at most one part in CAUSE_SHARE of the thread's time, and one in
 * CAUSE_SLOW_SHARE of what its slow calls take. No system call without a slow call, and none behind
 * a filter (base_sys).
 *
 * Owner: the thread. Memory: in the thread's scratch. Errno: never touched.
 * Signals: only the outermost hook of a thread measures.
 * docs/decisions/0020-armed-sites.md has the alternatives and figures.
 */
#ifndef ALLOCTRAP_HOOK_CAUSE_H
#define ALLOCTRAP_HOOK_CAUSE_H

#include "alloctrap/session.h"
#include "hook_guard.h"

#include <stddef.h>

enum {
    CAUSE_PLACES = 16,
    /* Of a place with a tail at p99.9, one in fifty has no slow call in so many. */
    CAUSE_CALLS = 4096,
    CAUSE_SHARE = 64,
    CAUSE_SLOW_SHARE = 16,     /* slow calls pay for what measures their like */
    CAUSE_SAVED_NS = 16000000, /* of idle time, what may be made up for in a burst */
    CAUSE_COST_MAX_NS = 2000,  /* more is not the asking: the thread was interrupted in it */
    /* While it rests, the clock is not read for each armed call, which would cost as much as a
     * recorded call does: not for so many as fit into the rest, when each takes so long. */
    CAUSE_CALL_NS = 64,
    CAUSE_SKIP_MAX = 64
};

struct cause_place {
    uintptr_t pc;
    uintptr_t sp;
    uint32_t size_bits;
    uint32_t left; /* calls until it is disarmed; 0 = free */
};

struct hook_cause {
    struct cause_place places[CAUSE_PLACES];
    uint32_t next;          /* to be replaced when all are in use */
    uint32_t calls_to_skip; /* armed ones, before the clock is asked whether the rest is over */
    uint64_t rest_until_ns;
    struct session_usage before;
    struct session_usage within; /* what the call met that hook_cause_end() said true to */
};

/* PURE. How large a call is: 0 of 0 and 1. */
static inline unsigned hook_cause_size_bits(size_t size)
{
    return 63U - (unsigned)__builtin_clzll(size | 1);
}

/* HOT. Such a call from there may be armed; one in 64 for each armed place is not. */
static inline bool hook_cause_may_be_armed(uintptr_t pc, uintptr_t sp, size_t size)
{
    return (hook_tls.armed >> ((pc ^ sp ^ hook_cause_size_bits(size)) & 63) & 1) != 0;
}

/* HOT. Of an armed call: the rest that asking has cost may be over. */
static inline bool hook_cause_is_rested(struct hook_cause *cause)
{
    if (cause->calls_to_skip != 0) {
        cause->calls_to_skip--;
        return false;
    }
    return true;
}

/* COLD. A thread begins: nothing is armed. */
void hook_cause_start(struct hook_cause *cause);
/* HOT. From now on such calls from there are measured. size: requested, 0 of a free;
 * ns: what the slow call took. */
void hook_cause_arm(struct hook_cause *cause, const struct stack_at *at, size_t size, uint64_t ns);
/* HOT. Before a call: whether it is measured. */
bool hook_cause_begin(struct hook_cause *cause, const struct stack_at *at, size_t size);
/* HOT. After a measured call that was slow; true: cause->within is what it met. */
bool hook_cause_end(struct hook_cause *cause);

#endif
