/*
 * hook_event - from one call to its counters and its event.
 * Owner:   the calling thread.   Threads: all.   Signals: guarded by hook_guard.
 * Memory:  the thread's scratch and place; a new call path or site takes session memory.
 * Errno:   as the real function left it.
 *
 * A hook is three lines: hook_begin(), the real call, hook_end_...(). hook_begin() always comes
 * with a hook_end_...() but for a real call that is left by a jump, which hook_guard recognises.
 *
 * A free is stamped before the real free(), an allocation after the real malloc(). Once free()
 * returns, another thread may be handed the address; stamped this way round, two lives of one
 * address never overlap when events are sorted by time, frees first on a tie.
 */
#ifndef ALLOCTRAP_HOOK_EVENT_H
#define ALLOCTRAP_HOOK_EVENT_H

#include "base_clock.h"
#include "hook_life.h"

#include <stddef.h>

/* One call under way. */
struct hook_now {
    struct stack_at at;
    uint64_t start_ticks;
    uint64_t end_ticks;
    uint8_t way;         /* enum hook_way */
    uint8_t call;        /* enum hook_call */
    bool is_measured;    /* hook_cause has asked the kernel before it */
    uint8_t cause;       /* HOOK_EARLY: enum session_loss */
    uint8_t outer_phase; /* HOOK_NESTED: enum hook_phase of the call that it interrupts */
};

/* HOT. When the thread is not simply outside of hooks, with a place in the current session. */
void hook_begin_slowly(struct hook_now *now);
/* HOT. After the second clock reading of a measured call. */
void hook_measured(struct hook_now *now);
/* HOT. The call began `begun` and ended `ended` (NULL = none); is_failed: it should have returned
 * a block and did not, and `ended` stays. */
void hook_finish_any(const struct hook_now *now, void *begun, void *ended, size_t size,
                     bool is_failed);
/* HOT. The same for a call that is to begin one block, or to end one: most calls. */
void hook_finish_alloc(const struct hook_now *now, void *ptr, size_t size);
void hook_finish_free(const struct hook_now *now, void *ptr);

/* HOT. size: requested. frame: the hook's own __builtin_frame_address(0), which also makes it keep
 * the caller's rbp in its frame, where it can be read. */
__attribute__((always_inline)) static inline void
hook_begin_sized(struct hook_now *now, enum hook_call call, size_t size, const void *frame)
{
    const uintptr_t *words = frame;
    now->at = (struct stack_at){.pc = words[1], .sp = (uintptr_t)(words + 2), .bp = words[0]};
    now->call = (uint8_t)call;
    now->is_measured = false;
    if (__builtin_expect(hook_tls.guard_sp == 0 && life_is_current(), true)) {
        hook_guard_raise(&now->at);
        now->way = HOOK_RECORD;
        if (__builtin_expect(hook_cause_may_be_armed(&now->at, size), false) &&
            hook_cause_is_rested(&hook_tls.scratch->cause)) {
            now->is_measured = hook_cause_begin(&hook_tls.scratch->cause, &now->at, size);
        }
    } else {
        hook_begin_slowly(now);
        if (now->way == HOOK_PASS) {
            return;
        }
    }
    hook_guard_phase(HOOK_IN_REAL);
    if (life_config.is_latency_on || hook_call_effect(call) != HOOK_EFFECT_ALLOC) {
        now->start_ticks = clock_ticks();
    }
}

/* HOT. The same of a call that asks for no size. */
__attribute__((always_inline)) static inline void hook_begin(struct hook_now *now,
                                                             enum hook_call call, const void *frame)
{
    hook_begin_sized(now, call, 0, frame);
}

/* HOT. True when there is anything to record. */
__attribute__((always_inline)) static inline bool hook_is_done(struct hook_now *now,
                                                               enum hook_effect effect)
{
    if (now->way == HOOK_PASS) {
        return false;
    }
    if (effect != HOOK_EFFECT_FREE || life_config.is_latency_on) {
        now->end_ticks = clock_ticks();
    }
    if (__builtin_expect(now->is_measured, false)) {
        hook_measured(now);
    }
    return true;
}

/* HOT. size: requested. */
__attribute__((always_inline)) static inline void hook_end_alloc(struct hook_now *now, void *ptr,
                                                                 size_t size)
{
    if (hook_is_done(now, HOOK_EFFECT_ALLOC)) {
        hook_finish_alloc(now, ptr, size);
    }
}

/* HOT. */
__attribute__((always_inline)) static inline void hook_end_free(struct hook_now *now, void *ptr)
{
    if (hook_is_done(now, HOOK_EFFECT_FREE)) {
        hook_finish_free(now, ptr);
    }
}

/* HOT. realloc(NULL, n) begins a block, realloc(block, 0) that returns none ends one, a success
 * does both, a failure neither. */
__attribute__((always_inline)) static inline void hook_end_realloc(struct hook_now *now, void *old,
                                                                   void *fresh, size_t size)
{
    if (hook_is_done(now, HOOK_EFFECT_REALLOC)) {
        bool is_failed = fresh == NULL && (size != 0 || old == NULL);
        hook_finish_any(now, fresh, old, size, is_failed);
    }
}

#endif
