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
#include "stack_mend.h"

#include <stddef.h>

/* One call under way. Its address is given to no function that is not in place, so that it is
 * registers in a hook. */
struct hook_now {
    const uintptr_t *frame; /* the hook's own: its caller's rbp, and the return address */
    uint64_t start_ticks;
    uint64_t end_ticks;
    uint32_t state; /* enum hook_way and the rest, as hook_state() puts them */
};

/* PURE. detail: of HOOK_EARLY, why (enum session_loss); of HOOK_NESTED, the phase of the call that
 * it interrupts (enum hook_phase). */
static inline uint32_t hook_state(enum hook_way way, unsigned call, unsigned detail)
{
    return (uint32_t)way | call << 8 | detail << 16;
}

enum { HOOK_STATE_MEASURED = 1 << 24 /* hook_cause has asked the kernel before it */ };

/* PURE. */
static inline enum hook_way hook_way(const struct hook_now *now)
{
    return (enum hook_way)(now->state & 0xff);
}
/* PURE. enum hook_call. */
static inline unsigned hook_call(const struct hook_now *now)
{
    return now->state >> 8 & 0xff;
}
/* PURE. */
static inline unsigned hook_detail(const struct hook_now *now)
{
    return now->state >> 16 & 0xff;
}

/* PURE. An event without latency and size. */
static inline struct session_event hook_event_of(const struct hook_now *now, unsigned call,
                                                 uint32_t path, uint64_t stamp_ns,
                                                 const void *block)
{
    uint64_t sp = (uintptr_t)(now->frame + 2);
    return (struct session_event){.stamp_ns = stamp_ns,
                                  .word1 = (uint64_t)(uintptr_t)block & SESSION_LOW48,
                                  .word2 = (uint64_t)call << 48,
                                  .word3 = path | (uint64_t)(uint32_t)(sp >> 4) << 32};
}
/* PURE. For word1; 0 of calls that are not timed. */
static inline uint64_t hook_latency_part(uint64_t ns)
{
    return (uint64_t)loglin_code(ns) << 48;
}
/* PURE. For word2. */
static inline uint64_t hook_size_part(size_t size)
{
    return size < SESSION_LOW48 ? size : SESSION_LOW48;
}

/* HOT. What a hook knows of its caller. */
static inline struct stack_at hook_at(const uintptr_t *frame)
{
    return (struct stack_at){.pc = frame[1], .sp = (uintptr_t)(frame + 2), .bp = frame[0]};
}

/* HOT. When the thread is not simply outside of hooks, with a place in the current session: the
 * state. */
uint32_t hook_begin_slowly(const uintptr_t *frame, unsigned call);
/* HOT. The call may be an armed one: HOOK_STATE_MEASURED where this call is measured, or 0. */
uint32_t hook_begin_measured(const uintptr_t *frame, size_t size);
/* HOT. The first clock reading, where it is none of the TSC. */
uint64_t hook_start_ticks(unsigned call);
/* HOT. After the second clock reading of a measured call: HOOK_STATE_MEASURED of a slow one, or 0.
 */
uint32_t hook_measured(uint64_t start_ticks, uint64_t end_ticks);
/* HOT. After the real call: reads the clock. True when there is anything to record. */
bool hook_is_done(struct hook_now *now);
/* HOT. The call began `begun` and ended `ended` (NULL = none); is_failed: it should have returned
 * a block and did not, and `ended` stays. */
void hook_finish_any(struct hook_now now, void *begun, void *ended, size_t size, bool is_failed);
/* HOT. The same for a call that is to begin one block, or to end one. */
void hook_finish_one(struct hook_now now, void *block, size_t size);
/* HOT. The same, before the second clock reading. */
void hook_end_otherwise(struct hook_now now, void *ptr, size_t size);
/* HOT. hook_row_again() has just said no: the row of the call, which may be a new one; NULL: there
 * is no room for it, and the call belongs to the remainder. */
struct session_row *hook_row_otherwise(const uintptr_t *frame, unsigned call);
/* HOT. Of a call that began or ended one block, all that hook_row_otherwise() was asked for. */
void hook_record(struct hook_now now, struct session_row *row, const void *block, size_t size);

/* HOT. size: requested. frame: the hook's own __builtin_frame_address(0), which also makes it keep
 * the caller's rbp in its frame, where it can be read. */
__attribute__((always_inline)) static inline void
hook_begin_sized(struct hook_now *now, enum hook_call call, size_t size, const void *frame)
{
    now->frame = frame;
    now->start_ticks = 0;
    now->end_ticks = 0;
    if (__builtin_expect(hook_tls.guard_sp == 0 && life_is_current(), true)) {
        hook_guard_raise(now->frame[1], (uintptr_t)(now->frame + 2));
        now->state = hook_state(HOOK_RECORD, call, 0);
        if (__builtin_expect(hook_tls.armed != 0, false)) {
            unsigned place = hook_cause_index(now->frame[1], (uintptr_t)(now->frame + 2), size);
            if (hook_cause_may_be_armed(place) &&
                hook_cause_is_rested(&hook_tls.scratch->cause, place)) {
                now->state |= hook_begin_measured(frame, size);
            }
        }
    } else {
        now->state = hook_begin_slowly(frame, call);
        if (hook_way(now) == HOOK_PASS) {
            return;
        }
    }
    hook_guard_phase(HOOK_IN_REAL);
    now->start_ticks =
        __builtin_expect(clock_times_calls_by_tsc(), true) ? clock_tsc() : hook_start_ticks(call);
}

/* HOT. The same of a call that asks for no size. */
__attribute__((always_inline)) static inline void hook_begin(struct hook_now *now,
                                                             enum hook_call call, const void *frame)
{
    hook_begin_sized(now, call, 0, frame);
}

/* HOT. The row of the call, where its site is that of the last walk, or a sibling; else NULL. */
__attribute__((always_inline)) static inline struct session_row *
hook_row_again(const struct hook_scratch *scratch, const struct hook_now *now, unsigned call)
{
    /* Relaxed: a library that has just been closed is in no frame of this thread. */
    uint32_t epoch = atomic_load_explicit(&scratch->head->epoch, memory_order_relaxed);
    if (__builtin_expect(epoch != scratch->epoch, false)) {
        return NULL; /* hook_row_otherwise() forgets the walk */
    }
    struct session_row *row =
        stack_mend_again(scratch->last_walk, now->frame[1], (uintptr_t)(now->frame + 2));
    return row != NULL && row->call == call ? row : NULL;
}

/*
 * HOT. Of a call that began or ended one block, in a thread that has its place. In place, as is
 * hook_record() of the most frequent of calls: one that is not slow, with room for its event.
 */
__attribute__((always_inline)) static inline void hook_record_in_place(const struct hook_now *now,
                                                                       enum hook_call call,
                                                                       const void *block,
                                                                       size_t size)
{
    struct hook_scratch *scratch = hook_tls.scratch;
    bool is_free = hook_call_effect(call) == HOOK_EFFECT_FREE;
    bool has_stack = !is_free || life_config.are_free_stacks_on;
    struct session_row *row = has_stack ? hook_row_again(scratch, now, call) : NULL;
    if (row == NULL) {
        row = hook_row_otherwise(now->frame, call);
    }
    uint64_t span_ticks = now->end_ticks - now->start_ticks; /* of a clock put back: very long */
    uint64_t next = ring_next(&scratch->ring);
    if (__builtin_expect(row == NULL || span_ticks >= clock_slow_ticks ||
                             !ring_has_room(&scratch->ring, next),
                         false)) {
        hook_record(*now, row, block, size);
        return;
    }
    uint64_t ns = clock_tsc_quick_ns(span_ticks);
    uint64_t stamp_ns = clock_tsc_to_ns(is_free ? now->start_ticks : now->end_ticks);
    struct session_event event = hook_event_of(now, call, row->path, stamp_ns, block);
    event.word1 |= hook_latency_part(ns);
    event.word2 |= hook_size_part(size);
    site_count(row,
               &(struct site_sum){.allocs = !is_free, .frees = is_free, .bytes = size, .ns = ns});
    ring_push_next(&scratch->ring, next, &event);
}

/* HOT. Of a call that is to begin one block, or to end one. */
__attribute__((always_inline)) static inline void
hook_end_one(struct hook_now *now, enum hook_call call, void *block, size_t size)
{
    uint32_t plain = hook_state(HOOK_RECORD, call, 0);
    bool is_measured = now->state == (plain | HOOK_STATE_MEASURED);
    if (__builtin_expect((now->state != plain && !is_measured) || !clock_times_calls_by_tsc(),
                         false)) {
        hook_end_otherwise(*now, block, size);
        return;
    }
    now->end_ticks = clock_tsc();
    if (__builtin_expect(is_measured, false)) {
        now->state = plain | hook_measured(now->start_ticks, now->end_ticks);
    }
    hook_guard_phase(HOOK_IN_OURS);
    if (__builtin_expect(block != NULL && life_is_current(), true)) {
        hook_record_in_place(now, call, block, size);
        hook_guard_leave();
    } else {
        hook_finish_one(*now, block, size);
    }
}

/* HOT. size: requested. */
__attribute__((always_inline)) static inline void
hook_end_alloc(struct hook_now *now, enum hook_call call, void *ptr, size_t size)
{
    hook_end_one(now, call, ptr, size);
}

/* HOT. */
__attribute__((always_inline)) static inline void hook_end_free(struct hook_now *now,
                                                                enum hook_call call, void *ptr)
{
    hook_end_one(now, call, ptr, 0);
}

/* HOT. realloc(NULL, n) begins a block, realloc(block, 0) that returns none ends one, a success
 * does both, a failure neither. */
__attribute__((always_inline)) static inline void hook_end_realloc(struct hook_now *now, void *old,
                                                                   void *fresh, size_t size)
{
    struct hook_now done = *now;
    if (hook_is_done(&done)) {
        bool is_failed = fresh == NULL && (size != 0 || old == NULL);
        hook_finish_any(done, fresh, old, size, is_failed);
    }
}

#endif
