/*
 * hook_guard - per thread "we are inside", and all our thread-local storage.
 * Owner:   the thread.   Signals: the guard is what turns a handler's hooks away.
 * Memory:  static TLS (initial-exec: ready before a thread's first instruction, nothing to set up).
 * Errno:   never touched.
 *
 * The guard holds the stack pointer of the outermost hook. It is stale, left by a siglongjmp or an
 * exception out of a nested frame, when that frame is gone: the stack pointer is above it, or its
 * return address is not in its place any more. A handler on an alternate stack may well lie above;
 * the kernel is asked then, which is rare. Not covered: a handler that switches to another
 * coroutine in the middle of a hook and comes back later.
 *
 * A nested call is one of two things. While the real function runs it may be the allocator calling
 * itself through the PLT (reallocarray's realloc): its return address lies in the allocator, and
 * the outer event covers it, so it is passed on in silence. All others are made by the host, by a
 * handler that has interrupted us or by a function that the allocator calls out to: they are
 * counted in the remainder, as LOSS_NESTED.
 */
#ifndef ALLOCTRAP_HOOK_GUARD_H
#define ALLOCTRAP_HOOK_GUARD_H

#include "base_local.h"
#include "stack_walk.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hook_scratch;

enum hook_phase { HOOK_IN_OURS = 0, HOOK_IN_REAL = 1 };

struct hook_tls {
    uintptr_t guard_sp; /* 0 = outside */
    uintptr_t guard_pc;
    struct hook_scratch *scratch; /* valid while generation is the process's */
    uint32_t generation;
    uint32_t phase;       /* enum hook_phase */
    uint32_t place_tries; /* calls since a place was refused */
    uint32_t pad;
    uint64_t armed; /* hook_cause: a bit for each place whose calls are measured */
};
LOCAL extern _Thread_local struct hook_tls hook_tls;

enum hook_guard_result {
    HOOK_GUARD_ENTERED,
    HOOK_GUARD_ENTERED_STALE, /* the last hook was left by a jump: its state is half done */
    HOOK_GUARD_NESTED,        /* in our own bookkeeping */
    HOOK_GUARD_INSIDE         /* in the real allocator */
};

/* HOT. Raises the guard for a hook called like this, unless it is up. */
enum hook_guard_result hook_guard_enter(const struct stack_at *at);

/* HOT. Raises a guard that is known to be down. */
static inline void hook_guard_raise(uintptr_t pc, uintptr_t sp)
{
    hook_tls.guard_pc = pc;
    hook_tls.guard_sp = sp;
    atomic_signal_fence(memory_order_seq_cst); /* up before anything that a handler may meet */
}

/* HOT. */
static inline void hook_guard_leave(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    hook_tls.guard_sp = 0;
}

/* HOT. */
static inline void hook_guard_phase(enum hook_phase phase)
{
    atomic_signal_fence(memory_order_seq_cst);
    hook_tls.phase = phase;
    atomic_signal_fence(memory_order_seq_cst);
}

#endif
