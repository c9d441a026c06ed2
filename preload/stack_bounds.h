/*
 * stack_bounds - which memory around the stack pointer may be read.
 * Any stack will do: main, a thread's, sigaltstack, a coroutine's. What is readable above the
 * stack pointer is asked of the kernel a page at a time, once, and remembered; a stack that is
 * known costs no system call. The question is rt_sigprocmask(2) with an impossible `how`: the
 * kernel reads the set first (EFAULT), then refuses (EINVAL); it changes nothing, needs no
 * descriptor, and is in the allow-list of every seccomp filter we know of.
 * Not for: where a stack ends; the unwind tables say that.
 * Owner:   part of struct stack_state.   Threads: one.   Signals: safe.   Errno: never touched.
 */
#ifndef ALLOCTRAP_STACK_BOUNDS_H
#define ALLOCTRAP_STACK_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    STACK_BOUNDS_OTHERS = 16,     /* stacks remembered beside the present one */
    STACK_BOUNDS_PAGE = 4096,     /* the smallest page; larger ones are asked more than once */
    STACK_BOUNDS_GAP_PAGES = 4096 /* one frame, or one step downward, is at most this large */
};

/* Readable memory [low, high), page-aligned; low == high: none. */
struct stack_range {
    uintptr_t low;
    uintptr_t high;
};

struct stack_bounds {
    struct stack_range now; /* the stack of the last stack_bounds_enter() */
    struct stack_range others[STACK_BOUNDS_OTHERS];
    uint32_t next; /* the one of others that is given up next */
};

/* HOT. The part of stack_bounds_enter() for an sp outside of `now`. */
bool stack_bounds_enter_other(struct stack_bounds *bounds, uintptr_t sp);

/* HOT. True when sp is on the same stack as before; else `now` is another one. */
static inline bool stack_bounds_enter(struct stack_bounds *bounds, uintptr_t sp)
{
    if (__builtin_expect(sp >= bounds->now.low && sp < bounds->now.high, true)) {
        return true;
    }
    return stack_bounds_enter_other(bounds, sp);
}

/* HOT. Widens `now` upwards so that 8 bytes at addr may be read; false when they may not. */
bool stack_bounds_reach(struct stack_bounds *bounds, uintptr_t addr);

/* HOT. True when 8 bytes at addr are in any stack remembered; asks nobody. */
bool stack_bounds_knows(const struct stack_bounds *bounds, uintptr_t addr);

/* HOT. Asks the kernel anew whether 8 bytes at addr (8-byte aligned) can be read. */
bool stack_bounds_probe(uintptr_t addr);

/* COLD. The upper part of the calling thread's own stack: where a stack pointer is in it, so is all
 * above. is_first: the process's first thread; of another, each page is asked for. */
struct stack_range stack_bounds_home(bool is_first);

/* HOT. True when 8 bytes at addr are in what is known of this stack. */
static inline bool stack_bounds_has(const struct stack_bounds *bounds, uintptr_t addr)
{
    return addr >= bounds->now.low && addr < bounds->now.high && bounds->now.high - addr >= 8;
}

#endif
