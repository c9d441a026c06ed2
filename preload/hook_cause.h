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
 * without a slow one, or by the next place with its bit; asking takes at most one part in
 * CAUSE_SHARE of the thread's time, and one in CAUSE_SLOW_SHARE of what its slow calls take. Half
 * of what is saved up is kept for places whose calls are often slow. No system call without a slow
 * call, and none behind a filter (base_sys).
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
    CAUSE_PLACES = 64, /* the bits of hook_tls.armed */
    /* Of a place with a tail at p99.9, one in fifty has no slow call in so many. */
    CAUSE_CALLS = 4096,
    CAUSE_SHARE = 64,
    CAUSE_SLOW_SHARE = 16,     /* slow calls pay for what measures their like */
    CAUSE_SAVED_NS = 16000000, /* of idle time, what may be made up for in a burst */
    CAUSE_KEPT_NS = CAUSE_SAVED_NS / 2,
    CAUSE_OFTEN = 16, /* a place with a slow call in so many measured ones may draw on all of it */
    CAUSE_COST_MAX_NS = 2000, /* more is not the asking: the thread was interrupted in it */
    /* While it rests, the clock is not read for each armed call, which would cost as much as a
     * recorded call does: not for so many as fit into the rest, when each takes so long. */
    CAUSE_CALL_NS = 64,
    CAUSE_SKIP_MAX = 64
};

struct cause_place {
    uintptr_t pc;
    uintptr_t sp;
    uint8_t size_bits;
    uint8_t often;          /* measured calls for which it is one whose calls are often slow */
    uint16_t left;          /* measured calls until it is disarmed; 0 = free */
    uint16_t calls_to_skip; /* before the clock is asked whether the rest is over */
};

struct hook_cause {
    struct cause_place places[CAUSE_PLACES];
    uint64_t measured; /* the place of the call that is or was measured last */
    uint64_t rest_until_ns;
    struct session_usage before;
    struct session_usage within; /* what the call met that hook_cause_end() said true to */
};

/* PURE. How large a call is: 0 of 0 and 1. */
static inline unsigned hook_cause_size_bits(size_t size)
{
    return 63U - (unsigned)__builtin_clzll(size | 1);
}

/* PURE. The place that such a call from there may have, and its bit. */
static inline unsigned hook_cause_index(uintptr_t pc, uintptr_t sp, size_t size)
{
    return (pc ^ sp ^ hook_cause_size_bits(size)) % CAUSE_PLACES;
}

/* HOT. That place is armed; for one call in 64 it is another's. */
static inline bool hook_cause_may_be_armed(unsigned index)
{
    return (hook_tls.armed >> index & 1) != 0;
}

/* HOT. Of an armed place: the rest that asking has cost may be over. */
static inline bool hook_cause_is_rested(struct hook_cause *cause, unsigned index)
{
    struct cause_place *place = &cause->places[index];
    if (place->calls_to_skip != 0) {
        place->calls_to_skip--;
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
