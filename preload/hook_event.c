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

void hook_begin_slowly(struct hook_now *now)
{
    now->way = HOOK_PASS;
    if (life_is_off()) {
        return;
    }
    int host_errno = errno;
    enum hook_guard_result guard = hook_guard_enter(&now->at);
    if (guard == HOOK_GUARD_NESTED ||
        (guard == HOOK_GUARD_INSIDE && hook_next_is_known() && !hook_next_is_side(now->at.pc))) {
        now->outer_phase = (uint8_t)hook_tls.phase;
        now->way = HOOK_NESTED;
    }
    if (guard > HOOK_GUARD_ENTERED_STALE) {
        return;
    }
    enum session_loss cause;
    now->way = (uint8_t)life_enter(&cause);
    now->cause = (uint8_t)cause;
    if (now->way == HOOK_PASS) {
        hook_guard_leave();
    } else if (now->way == HOOK_RECORD && guard == HOOK_GUARD_ENTERED_STALE) {
        /* Relaxed: the owner's alone to write, a tolerance to whoever reads it. */
        atomic_fetch_add_explicit(&hook_tls.scratch->place->left_hooks, 1, memory_order_relaxed);
        stack_forget(hook_tls.scratch->stack);
    }
    errno = host_errno;
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

/* Kept out of the way of the hit: a new site happens once. */
__attribute__((noinline)) static struct site_entry *
new_site(struct hook_scratch *scratch, uint64_t key, unsigned call, bool has_stack)
{
    uint32_t path = has_stack ? path_of_stack(scratch) : 0;
    if (path == 0 && has_stack) {
        link_add(&scratch->place->lost[LOSS_PATHS_FULL], 1);
        return NULL;
    }
    struct site_entry *entry = site_add(&scratch->sites, key, path, call);
    if (entry == NULL) {
        link_add(&scratch->place->lost[LOSS_ROWS_FULL], 1);
    }
    return entry;
}

/* The call's row; NULL: it belongs to the remainder. */
IN_PLACE struct site_entry *site_of(struct hook_scratch *scratch, const struct hook_now *now,
                                    enum hook_effect effect)
{
    follow_epoch(scratch);
    bool has_stack = effect != HOOK_EFFECT_FREE || life_config.are_free_stacks_on;
    uint64_t hash = has_stack ? stack_capture(scratch->stack, &now->at)->hash : NO_STACK_HASH;
    uint64_t key = row_key(hash, now->call, scratch->epoch);
    struct site_entry *entry = site_find(&scratch->sites, key);
    return __builtin_expect(entry != NULL, true) ? entry
                                                 : new_site(scratch, key, now->call, has_stack);
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

IN_PLACE struct session_event event_of(const struct hook_now *now, uint32_t path, uint64_t stamp_ns,
                                       const void *block)
{
    return (struct session_event){.stamp_ns = stamp_ns,
                                  .word1 = (uint64_t)(uintptr_t)block & SESSION_LOW48,
                                  .word2 = (uint64_t)now->call << 48,
                                  .word3 = path | (uint64_t)(uint32_t)(now->at.sp >> 4) << 32};
}

IN_PLACE uint64_t latency_part(uint64_t ns)
{
    return life_config.is_latency_on ? (uint64_t)loglin_code(ns) << 48 : 0;
}

IN_PLACE uint64_t size_part(size_t size)
{
    return size < SESSION_LOW48 ? size : SESSION_LOW48;
}

IN_PLACE uint64_t flags_part(unsigned flags)
{
    return (uint64_t)flags << 56;
}

IN_PLACE uint64_t time_of(const struct hook_now *now)
{
    return life_config.is_latency_on ? clock_span_ns(now->end_ticks, now->start_ticks) : 0;
}

void hook_measured(struct hook_now *now)
{
    /* Not in a child that a handler has forked in the middle. */
    now->is_measured = life_is_current() && time_of(now) >= SESSION_SLOW_NS &&
                       hook_cause_end(&hook_tls.scratch->cause);
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
    hook_cause_arm(&scratch->cause, &now->at);
    if (now->is_measured) {
        const struct session_usage *usage = &scratch->cause.within;
        struct session_event told = {.stamp_ns = stamp_ns,
                                     .word1 = (word & SESSION_LOW48) | latency_part(ns),
                                     .word2 = session_usage_faults(usage) |
                                              (uint64_t)now->call << 48 |
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
        events[count] = event_of(now, path, clock_to_ns(now->start_ticks), facts->ended);
        if (facts->effect == HOOK_EFFECT_REALLOC) {
            events[count].word2 |= flags_part(SESSION_EVENT_OLD);
        }
        if (facts->sum.allocs == 0) { /* else the latency is the new block's */
            events[count].word1 |= latency_part(facts->sum.ns);
            events[count].word2 |=
                facts->effect == HOOK_EFFECT_REALLOC ? flags_part(SESSION_EVENT_NULL) : 0;
        }
        count++;
    }
    if (facts->sum.allocs != 0 || facts->sum.failed != 0) {
        const void *block = facts->sum.failed != 0 ? facts->ended : facts->begun;
        events[count] = event_of(now, path, clock_to_ns(now->end_ticks), block);
        events[count].word1 |= latency_part(facts->sum.ns);
        events[count].word2 |= size_part(facts->size);
        events[count].word2 |= facts->sum.failed != 0 ? flags_part(SESSION_EVENT_FAILED) : 0;
        count++;
    }
    if (count != 0) {
        if (__builtin_expect(facts->sum.ns >= SESSION_SLOW_NS, false)) {
            bool is_free = facts->effect == HOOK_EFFECT_FREE;
            tell_cause(scratch, now, events[0].stamp_ns,
                       is_free ? (uintptr_t)facts->ended : size_part(facts->size), path,
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
    if (now->way == HOOK_NESTED && life_is_current()) {
        struct session_thread *place = hook_tls.scratch->place;
        site_count_shared(&place->rest[now->call], &sum);
        link_add(&place->lost[LOSS_NESTED], events);
        return;
    }
    enum session_loss cause = now->way == HOOK_EARLY ? (enum session_loss)now->cause : LOSS_EARLY;
    life_count_early(now->call, &sum, cause, events);
}

static void record_any(const struct call_facts *facts)
{
    struct hook_scratch *scratch = hook_tls.scratch;
    const struct hook_now *now = facts->now;
    struct site_entry *entry = site_of(scratch, now, facts->effect);
    if (entry != NULL) {
        site_count(site_row(&scratch->sites, entry), &facts->sum);
    } else {
        site_count_shared(&scratch->place->rest[now->call], &facts->sum);
    }
    tell(scratch, facts, entry != NULL ? entry->path : 0);
}

IN_PLACE bool is_recording(const struct hook_now *now)
{
    return __builtin_expect(now->way == HOOK_RECORD && life_is_current(), true);
}

void hook_finish_any(const struct hook_now *now, void *begun, void *ended, size_t size,
                     bool is_failed)
{
    int host_errno = errno; /* what the host must see, set by the real function */
    hook_guard_phase(HOOK_IN_OURS);
    if (is_recording(now)) {
        struct call_facts facts = {.now = now,
                                   .effect = hook_call_effect(now->call),
                                   .begun = begun,
                                   .ended = ended,
                                   .size = size,
                                   .sum = sum_of(begun, ended, size, is_failed)};
        facts.sum.ns = time_of(now);
        record_any(&facts);
    } else {
        count_elsewhere(now, begun, ended, size, is_failed);
    }
    if (now->way != HOOK_NESTED) {
        hook_guard_leave();
    } else {
        hook_guard_phase(now->outer_phase);
    }
    errno = host_errno;
}

/* What push() does for one event; it may wait, by system calls. */
__attribute__((noinline)) static void push_slowly(struct hook_scratch *scratch, uint64_t stamp_ns,
                                                  uint64_t word1, uint64_t word2, uint64_t word3)
{
    int host_errno = errno;
    struct session_event event = {stamp_ns, word1, word2, word3};
    push(scratch, &event, 1);
    errno = host_errno;
}

IN_PLACE void push_one(struct hook_scratch *scratch, struct session_event event)
{
    if (__builtin_expect(!ring_push_quickly(&scratch->ring, &event), false)) {
        push_slowly(scratch, event.stamp_ns, event.word1, event.word2, event.word3);
    }
}

IN_PLACE struct session_row *row_by_hash(struct hook_scratch *scratch, uint64_t hash, unsigned call)
{
    const struct site_entry *entry =
        site_find(&scratch->sites, row_key(hash, call, scratch->epoch));
    return __builtin_expect(entry != NULL, true) ? site_row(&scratch->sites, entry) : NULL;
}

/* The row of a known call site, or NULL. */
IN_PLACE struct session_row *row_known(struct hook_scratch *scratch, const struct hook_now *now,
                                       enum hook_effect effect)
{
    follow_epoch(scratch);
    if (effect == HOOK_EFFECT_FREE && !life_config.are_free_stacks_on) {
        return row_by_hash(scratch, NO_STACK_HASH, now->call);
    }
    struct stack_ref *stack = stack_capture(scratch->stack, &now->at);
    struct session_row *row = stack->note;
    if (row == NULL || row->call != now->call) { /* one place may call two functions */
        row = row_by_hash(scratch, stack->hash, now->call);
        stack->note = row;
    }
    return row;
}

/*
 * hook_finish_any() for a call that began or ended one block, from a call site that is known:
 * nothing here touches errno. False: nothing was done.
 */
IN_PLACE bool record_known(const struct hook_now *now, enum hook_effect effect, const void *block,
                           size_t size)
{
    struct hook_scratch *scratch = hook_tls.scratch;
    struct session_row *row = row_known(scratch, now, effect);
    if (__builtin_expect(row == NULL, false)) {
        return false;
    }
    uint64_t ns = time_of(now);
    bool is_free = effect == HOOK_EFFECT_FREE;
    site_count(row,
               &(struct site_sum){.allocs = !is_free, .frees = is_free, .bytes = size, .ns = ns});
    struct session_event event =
        event_of(now, row->path, clock_to_ns(is_free ? now->start_ticks : now->end_ticks), block);
    event.word1 |= latency_part(ns);
    event.word2 |= size_part(size);
    if (__builtin_expect(ns >= SESSION_SLOW_NS, false)) {
        tell_cause(scratch, now, event.stamp_ns, is_free ? (uintptr_t)block : size_part(size),
                   row->path, ns);
    }
    push_one(scratch, event);
    return true;
}

void hook_finish_alloc(const struct hook_now *now, void *ptr, size_t size)
{
    hook_guard_phase(HOOK_IN_OURS);
    if (__builtin_expect(ptr != NULL, true) && is_recording(now) &&
        record_known(now, HOOK_EFFECT_ALLOC, ptr, size)) {
        hook_guard_leave();
        return;
    }
    hook_finish_any(now, ptr, NULL, size, ptr == NULL);
}

void hook_finish_free(const struct hook_now *now, void *ptr)
{
    hook_guard_phase(HOOK_IN_OURS);
    if (__builtin_expect(ptr != NULL, true) && is_recording(now) &&
        record_known(now, HOOK_EFFECT_FREE, ptr, 0)) {
        hook_guard_leave();
        return;
    }
    hook_finish_any(now, NULL, ptr, 0, false);
}
