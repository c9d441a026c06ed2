#include "hook_event.h"

#include "hook_dl.h"
#include "hook_next.h"
#include "link_session.h"
#include "path_table.h"
#include "ring_wait.h"

#include <errno.h>

/* Any odd numbers with bits everywhere: they keep functions and epochs of one stack apart. */
static const uint64_t CALL_SALT = UINT64_C(0xA0761D6478BD642F);
static const uint64_t EPOCH_SALT = UINT64_C(0xE7037ED1A0B428DB);
static const uint64_t NO_STACK_HASH = 1; /* frees, when free stacks are off */

/* Into each of its callers, where most of what a call did is constant. */
#define IN_PLACE __attribute__((always_inline)) static inline

/* What the call did, in the counters' words. */
struct call_facts {
    const struct hook_now *now;
    enum hook_effect effect;
    const void *begun; /* NULL = none */
    const void *ended; /* of a failed realloc: the block that stays */
    size_t size;
    struct site_sum sum;
};

uint32_t hook_begin_slowly(const uintptr_t *frame, unsigned call)
{
    if (life_is_off()) {
        return 0; /* HOOK_PASS */
    }
    int host_errno = errno;
    struct stack_at at = hook_at(frame);
    enum hook_guard_result guard = hook_guard_enter(&at);
    if (guard == HOOK_GUARD_NESTED ||
        (guard == HOOK_GUARD_INSIDE && hook_next_is_known() && !hook_next_is_side(at.pc))) {
        return hook_state(HOOK_NESTED, call, hook_tls.phase);
    }
    if (guard > HOOK_GUARD_ENTERED_STALE) {
        return 0;
    }
    enum session_loss cause;
    enum hook_way way = life_enter(guard == HOOK_GUARD_ENTERED_STALE, &cause);
    if (way == HOOK_PASS) {
        hook_guard_leave();
    }
    errno = host_errno;
    return way == HOOK_PASS ? 0 : hook_state(way, call, cause);
}

uint64_t hook_start_ticks(unsigned call)
{
    bool is_read = life_config.is_latency_on || hook_call_effect(call) != HOOK_EFFECT_ALLOC;
    return is_read ? clock_ticks() : 0;
}

static bool is_free(const struct hook_now *now)
{
    return hook_call_effect(hook_call(now)) == HOOK_EFFECT_FREE;
}

IN_PLACE uint64_t time_of(const struct hook_now *now)
{
    return life_config.is_latency_on ? clock_span_ns(now->end_ticks, now->start_ticks) : 0;
}

uint32_t hook_begin_measured(const uintptr_t *frame, size_t size)
{
    struct hook_cause *cause = &hook_tls.scratch->cause;
    struct stack_at at = hook_at(frame);
    return hook_cause_begin(cause, &at, size) ? HOOK_STATE_MEASURED : 0;
}

uint32_t hook_measured(uint64_t start_ticks, uint64_t end_ticks)
{
    const struct hook_now now = {.start_ticks = start_ticks, .end_ticks = end_ticks};
    /* Not in a child that a handler has forked in the middle. */
    bool is_told = life_is_current() && time_of(&now) >= SESSION_SLOW_NS &&
                   hook_cause_end(&hook_tls.scratch->cause);
    return is_told ? HOOK_STATE_MEASURED : 0;
}

bool hook_is_done(struct hook_now *now)
{
    if (hook_way(now) == HOOK_PASS) {
        return false;
    }
    if (life_config.is_latency_on || !is_free(now)) {
        now->end_ticks = clock_ticks();
    }
    if ((now->state & HOOK_STATE_MEASURED) != 0) {
        now->state -= HOOK_STATE_MEASURED;
        now->state |= hook_measured(now->start_ticks, now->end_ticks);
    }
    return true;
}

static uint64_t row_key(uint64_t stack_hash, unsigned call, uint32_t epoch)
{
    uint64_t key = stack_hash ^ (call + 1) * CALL_SALT ^ epoch * EPOCH_SALT;
    return key == 0 ? 1 : key;
}

static uint32_t path_of_stack(struct hook_scratch *scratch)
{
    struct stack_names *names = stack_names(scratch->stack);
    struct path_key key = {0};
    uint32_t depth = stack_depth(scratch->stack);
    for (uint32_t i = names->count; i < depth; i++) {
        key.parent = i == 0 ? 0 : names->ids[i - 1];
        key.addr = stack_frame(scratch->stack, i, &key.flags);
        /* First the module, then the node: no reader meets a frame without a name. */
        key.epoch = hook_dl_note(scratch->head, key.addr, scratch->epoch);
        uint32_t id = path_find(scratch->head, &key);
        id = id == 0 ? path_add(scratch->head, &key) : id;
        if (id == 0) {
            return 0;
        }
        names->ids[i] = id;
        names->count = i + 1;
    }
    return names->ids[depth - 1];
}

static void follow_epoch(struct hook_scratch *scratch)
{
    uint32_t epoch = atomic_load_explicit(&scratch->head->epoch, memory_order_relaxed);
    if (epoch != scratch->epoch) {
        scratch->epoch = epoch;
        stack_forget(scratch->stack);
    }
}

/* The row of a call site that is not known yet; NULL: the call belongs to the remainder. */
__attribute__((noinline)) static struct session_row *
row_new(struct hook_scratch *scratch, uint64_t key, unsigned call, bool has_stack)
{
    int host_errno = errno;
    uint32_t path = has_stack ? path_of_stack(scratch) : 0;
    bool has_path = path != 0 || !has_stack;
    struct site_entry *entry = has_path ? site_add(&scratch->sites, key, path, call) : NULL;
    if (entry == NULL) {
        link_add(&scratch->place->lost[has_path ? LOSS_ROWS_FULL : LOSS_PATHS_FULL], 1);
    }
    errno = host_errno;
    return entry == NULL ? NULL : site_row(&scratch->sites, entry);
}

/* By the identity of its stack, the one that was captured last if there is one. A last call, as
 * in all of these: what a new row takes of the host's stack comes on top of the hook alone. */
IN_PLACE struct session_row *row_by_hash(struct hook_scratch *scratch, uint64_t hash, unsigned call)
{
    uint64_t key = row_key(hash, call, scratch->epoch);
    const struct site_entry *entry = site_find(&scratch->sites, key);
    if (__builtin_expect(entry == NULL, false)) {
        return row_new(scratch, key, call, hash != NO_STACK_HASH);
    }
    struct session_row *row = site_row(&scratch->sites, entry);
    if (hash != NO_STACK_HASH) {
        stack_note(scratch->stack, row);
    }
    return row;
}

/* hook_row_otherwise() of a stack that is not known as it stands. */
__attribute__((noinline)) static struct session_row *
row_of_walk(struct hook_scratch *scratch, const uintptr_t *frame, unsigned call)
{
    scratch->at = hook_at(frame);
    stack_capture(scratch->stack, &scratch->at);
    return row_by_hash(scratch, stack_identity(scratch->stack), call);
}

struct session_row *hook_row_otherwise(const uintptr_t *frame, unsigned call)
{
    struct hook_scratch *scratch = hook_tls.scratch;
    follow_epoch(scratch);
    if (!life_config.are_free_stacks_on && hook_call_effect(call) == HOOK_EFFECT_FREE) {
        return row_by_hash(scratch, NO_STACK_HASH, call);
    }
    struct session_row *row =
        stack_known(scratch->stack, frame[1], (uintptr_t)(frame + 2), frame[0]);
    if (__builtin_expect(row != NULL && row->call == call, true)) {
        return row;
    }
    return row_of_walk(scratch, frame, call); /* one place may call two functions */
}

static struct session_row *row_of(struct hook_scratch *scratch, const struct hook_now *now)
{
    struct session_row *row = hook_row_again(scratch, now, hook_call(now));
    return row != NULL ? row : hook_row_otherwise(now->frame, hook_call(now));
}

__attribute__((noinline)) static void push(struct hook_scratch *scratch,
                                           const struct session_event *events, uint32_t number)
{
    while (!ring_push(&scratch->ring, events, number)) {
        enum ring_wait_result result = ring_wait(&scratch->ring, link_now.control);
        if (result == RING_WAIT_ROOM) {
            continue;
        }
        enum session_loss cause = scratch->ring.events == NULL ? LOSS_NO_RING : LOSS_RING_FULL;
        link_add(&scratch->place->lost[cause], number);
        if (result == RING_WAIT_CLOSED) {
            life_disarm();
        }
        return;
    }
}

IN_PLACE uint64_t flags_part(unsigned flags)
{
    return (uint64_t)flags << 56;
}

/* A slow call, before its own events: arms its place, and tells what it met where that is known.
 * word: the requested size, of a call that ends a block its address. */
__attribute__((noinline)) static void tell_cause(struct hook_scratch *scratch,
                                                 const struct hook_now *now, uint64_t stamp_ns,
                                                 uint64_t word, uint32_t path, uint64_t ns)
{
    if (!life_config.are_causes_on) {
        return;
    }
    struct stack_at at = hook_at(now->frame);
    hook_cause_arm(&scratch->cause, &at, is_free(now) ? 0 : word, ns);
    if ((now->state & HOOK_STATE_MEASURED) != 0) {
        const struct session_usage *usage = &scratch->cause.within;
        struct session_event told = {.stamp_ns = stamp_ns,
                                     .word1 = (word & SESSION_LOW48) | hook_latency_part(ns),
                                     .word2 = session_usage_faults(usage) |
                                              (uint64_t)hook_call(now) << 48 |
                                              flags_part(SESSION_EVENT_USAGE),
                                     .word3 = path | (uint64_t)session_usage_switches(usage) << 32};
        (void)ring_push(&scratch->ring, &told, 1); /* full: a call that was not measured */
    }
}

/* The events of a call that is not simply one block more or one less. */
static void tell(struct hook_scratch *scratch, const struct call_facts *facts, uint32_t path)
{
    const struct hook_now *now = facts->now;
    struct session_event events[2];
    uint32_t count = 0;
    if (facts->sum.frees != 0) {
        events[count] =
            hook_event_of(now, hook_call(now), path, clock_to_ns(now->start_ticks), facts->ended);
        if (facts->effect == HOOK_EFFECT_REALLOC) {
            events[count].word2 |= flags_part(SESSION_EVENT_OLD);
        }
        if (facts->sum.allocs == 0) { /* else the latency is the new block's */
            events[count].word1 |= hook_latency_part(facts->sum.ns);
            events[count].word2 |=
                facts->effect == HOOK_EFFECT_REALLOC ? flags_part(SESSION_EVENT_NULL) : 0;
        }
        count++;
    }
    if (facts->sum.allocs != 0 || facts->sum.failed != 0) {
        const void *block = facts->sum.failed != 0 ? facts->ended : facts->begun;
        events[count] =
            hook_event_of(now, hook_call(now), path, clock_to_ns(now->end_ticks), block);
        events[count].word1 |= hook_latency_part(facts->sum.ns);
        events[count].word2 |= hook_size_part(facts->size);
        events[count].word2 |= facts->sum.failed != 0 ? flags_part(SESSION_EVENT_FAILED) : 0;
        count++;
    }
    if (count != 0) {
        if (__builtin_expect(facts->sum.ns >= SESSION_SLOW_NS, false)) {
            bool is_free = facts->effect == HOOK_EFFECT_FREE;
            tell_cause(scratch, now, events[0].stamp_ns,
                       is_free ? (uintptr_t)facts->ended : hook_size_part(facts->size), path,
                       facts->sum.ns);
        }
        push(scratch, events, count);
    }
}

static struct site_sum sum_of(const void *begun, const void *ended, size_t size, bool is_failed)
{
    return (struct site_sum){.allocs = begun != NULL,
                             .frees = ended != NULL && !is_failed,
                             .failed = is_failed,
                             .bytes = begun != NULL ? size : 0};
}

/* A handler forked in the middle of this call, or the session ended: nothing of the scratch may be
 * written, it is another process's or gone. */
__attribute__((noinline)) static void count_elsewhere(const struct hook_now *now, const void *begun,
                                                      const void *ended, size_t size,
                                                      bool is_failed)
{
    struct site_sum sum = sum_of(begun, ended, size, is_failed);
    uint64_t events = sum.allocs + sum.frees + sum.failed;
    unsigned call = hook_call(now);
    if (hook_way(now) == HOOK_NESTED && life_is_current()) {
        struct session_thread *place = hook_tls.scratch->place;
        site_count_shared(&place->rest[call], &sum);
        link_add(&place->lost[LOSS_NESTED], events);
        return;
    }
    bool is_early = hook_way(now) == HOOK_EARLY;
    enum session_loss cause = is_early ? (enum session_loss)hook_detail(now) : LOSS_EARLY;
    life_count_early(call, &sum, cause, events);
}

/* Out of line: the walk has ended before any of this is on the host's stack. */
__attribute__((noinline)) static void record_any(const struct hook_now *now,
                                                 struct session_row *row, const void *begun,
                                                 const void *ended, size_t size, bool is_failed)
{
    struct hook_scratch *scratch = hook_tls.scratch;
    struct call_facts facts = {.now = now,
                               .effect = hook_call_effect(hook_call(now)),
                               .begun = begun,
                               .ended = ended,
                               .size = size,
                               .sum = sum_of(begun, ended, size, is_failed)};
    facts.sum.ns = time_of(now);
    if (row != NULL) {
        site_count(row, &facts.sum);
    } else {
        site_count_shared(&scratch->place->rest[hook_call(now)], &facts.sum);
    }
    tell(scratch, &facts, row != NULL ? row->path : 0);
}

IN_PLACE bool is_recording(const struct hook_now *now)
{
    return __builtin_expect(hook_way(now) == HOOK_RECORD && life_is_current(), true);
}

void hook_finish_any(struct hook_now now, void *begun, void *ended, size_t size, bool is_failed)
{
    int host_errno = errno; /* what the host must see, set by the real function */
    hook_guard_phase(HOOK_IN_OURS);
    if (is_recording(&now)) {
        struct session_row *row = row_of(hook_tls.scratch, &now);
        record_any(&now, row, begun, ended, size, is_failed);
    } else {
        count_elsewhere(&now, begun, ended, size, is_failed);
    }
    if (hook_way(&now) != HOOK_NESTED) {
        hook_guard_leave();
    } else {
        hook_guard_phase(hook_detail(&now));
    }
    errno = host_errno;
}

void hook_finish_one(struct hook_now now, void *block, size_t size)
{
    void *begun = is_free(&now) ? NULL : block;
    void *ended = is_free(&now) ? block : NULL;
    hook_finish_any(now, begun, ended, size, block == NULL && !is_free(&now));
}

void hook_end_otherwise(struct hook_now now, void *block, size_t size)
{
    if (hook_is_done(&now)) {
        hook_finish_one(now, block, size);
    }
}

/* A call from a site without a row. */
__attribute__((noinline)) static void record_remainder(const struct hook_now *now,
                                                       const void *block, size_t size)
{
    const void *begun = is_free(now) ? NULL : block;
    const void *ended = is_free(now) ? block : NULL;
    record_any(now, NULL, begun, ended, size, false);
}

void hook_record(struct hook_now now, struct session_row *row, const void *block, size_t size)
{
    int host_errno = errno;
    struct hook_scratch *scratch = hook_tls.scratch;
    if (row == NULL) {
        record_remainder(&now, block, size);
        errno = host_errno;
        return;
    }
    bool was_free = is_free(&now);
    uint64_t ns = time_of(&now);
    site_count(row,
               &(struct site_sum){.allocs = !was_free, .frees = was_free, .bytes = size, .ns = ns});
    uint64_t stamp_ns = clock_to_ns(was_free ? now.start_ticks : now.end_ticks);
    struct session_event event = hook_event_of(&now, hook_call(&now), row->path, stamp_ns, block);
    event.word1 |= hook_latency_part(ns);
    event.word2 |= hook_size_part(size);
    if (ns >= SESSION_SLOW_NS) {
        tell_cause(scratch, &now, stamp_ns, was_free ? (uintptr_t)block : hook_size_part(size),
                   row->path, ns);
    }
    push(scratch, &event, 1);
    errno = host_errno;
}
