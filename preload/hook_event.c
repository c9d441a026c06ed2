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
    uint64_t begun_addr; /* 0 = none */
    uint64_t ended_addr; /* of a failed realloc: the block that stays */
    uint64_t size;
    uint64_t start_ns; /* as far as the clock was read */
    uint64_t end_ns;
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
    key = (key ^ key >> 29) * CALL_SALT;
    return key == 0 ? 1 : key;
}

static uint32_t path_of_stack(struct hook_scratch *scratch, const struct stack_ref *stack)
{
    struct path_key key = {0};
    for (uint32_t i = 0; i < stack->depth; i++) {
        key.addr = stack_frame(scratch->stack, i, &key.flags);
        /* First the module, then the node: no reader meets a frame without a name. */
        key.epoch = hook_dl_note(scratch->head, key.addr, scratch->epoch);
        uint32_t id = path_find(scratch->head, &key);
        id = id == 0 ? path_add(scratch->head, &key) : id;
        if (id == 0) {
            return 0;
        }
        key.parent = id;
    }
    return key.parent;
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
__attribute__((noinline)) static struct site_entry *new_site(struct hook_scratch *scratch,
                                                             uint64_t key,
                                                             const struct stack_ref *stack,
                                                             unsigned call, uint32_t *ret_path)
{
    *ret_path = stack->depth == 0 ? 0 : path_of_stack(scratch, stack);
    if (*ret_path == 0 && stack->depth != 0) {
        link_add(&scratch->place->lost[LOSS_PATHS_FULL], 1);
        return NULL;
    }
    struct site_entry *entry = site_add(&scratch->sites, key, *ret_path, call);
    if (entry == NULL) {
        link_add(&scratch->place->lost[LOSS_ROWS_FULL], 1);
    }
    return entry;
}

/* The call's row; NULL: it belongs to the remainder. */
IN_PLACE struct site_entry *site_of(struct hook_scratch *scratch, const struct hook_now *now,
                                    enum hook_effect effect, uint32_t *ret_path)
{
    struct stack_ref stack = {.hash = NO_STACK_HASH};
    follow_epoch(scratch);
    if (effect != HOOK_EFFECT_FREE || life_config.are_free_stacks_on) {
        stack_capture(scratch->stack, &now->at, &stack);
    }
    uint64_t key = row_key(stack.hash, now->call, scratch->epoch);
    struct site_entry *entry = site_find(&scratch->sites, key);
    if (__builtin_expect(entry == NULL, false)) {
        return new_site(scratch, key, &stack, now->call, ret_path);
    }
    *ret_path = entry->path;
    return entry;
}

/* Counts the call in its row, or in the remainder; the call's path. */
IN_PLACE uint32_t count(struct hook_scratch *scratch, const struct call_facts *facts)
{
    uint32_t path = 0;
    struct site_entry *entry = site_of(scratch, facts->now, facts->effect, &path);
    if (__builtin_expect(entry != NULL, true)) {
        site_count(site_row(&scratch->sites, entry), &facts->sum);
    } else {
        site_count_shared(&scratch->place->rest[facts->now->call], &facts->sum);
    }
    return path;
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

IN_PLACE struct session_event event_of(const struct call_facts *facts, uint32_t path,
                                       uint64_t stamp_ns, uint64_t addr, unsigned flags)
{
    uint64_t size = facts->size < SESSION_LOW48 ? facts->size : SESSION_LOW48;
    uint16_t latency = life_config.is_latency_on ? loglin_code(facts->sum.ns) : 0;
    return (struct session_event){
        .stamp_ns = stamp_ns,
        .word1 = (addr & SESSION_LOW48) | (uint64_t)latency << 48,
        .word2 = size | (uint64_t)facts->now->call << 48 | (uint64_t)flags << 56,
        .word3 = path | (uint64_t)(uint32_t)(facts->now->at.sp >> 4) << 32};
}

IN_PLACE struct session_event old_event(const struct call_facts *facts, uint32_t path)
{
    struct session_event event =
        event_of(facts, path, facts->start_ns, facts->ended_addr, SESSION_EVENT_OLD);
    event.word1 &= SESSION_LOW48;  /* the latency is the new block's */
    event.word2 &= ~SESSION_LOW48; /* and so is the size */
    return event;
}

IN_PLACE void push_one(struct hook_scratch *scratch, const struct session_event *event)
{
    if (__builtin_expect(!ring_push_quickly(&scratch->ring, event), false)) {
        struct session_event stored = *event; /* the caller's stays in registers */
        push(scratch, &stored, 1);
    }
}

IN_PLACE void tell(struct hook_scratch *scratch, const struct call_facts *facts, uint32_t path)
{
    if (facts->sum.failed != 0) {
        struct session_event event =
            event_of(facts, path, facts->end_ns, facts->ended_addr, SESSION_EVENT_FAILED);
        push_one(scratch, &event);
    } else if (facts->sum.allocs == 0 && facts->sum.frees != 0) {
        bool is_realloc = facts->effect == HOOK_EFFECT_REALLOC;
        struct session_event event =
            event_of(facts, path, facts->start_ns, facts->ended_addr,
                     is_realloc ? SESSION_EVENT_OLD | SESSION_EVENT_NULL : 0U);
        push_one(scratch, &event);
    } else if (facts->sum.allocs != 0 && facts->sum.frees == 0) {
        struct session_event event = event_of(facts, path, facts->end_ns, facts->begun_addr, 0);
        push_one(scratch, &event);
    } else if (facts->sum.allocs != 0) {
        struct session_event both[] = {old_event(facts, path),
                                       event_of(facts, path, facts->end_ns, facts->begun_addr, 0)};
        push(scratch, both, 2);
    }
}

IN_PLACE void read_clock(struct call_facts *facts)
{
    facts->start_ns = clock_to_ns(facts->now->start_ticks);
    facts->end_ns = clock_to_ns(facts->now->end_ticks);
    /* Below 0: the thread moved to a processor whose TSC is behind. */
    if (life_config.is_latency_on && facts->end_ns > facts->start_ns) {
        facts->sum.ns = facts->end_ns - facts->start_ns;
    }
}

IN_PLACE struct site_sum sum_of(const void *begun, const void *ended, size_t size, bool is_failed)
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

IN_PLACE void record(const struct hook_now *now, enum hook_effect effect, const void *begun,
                     const void *ended, size_t size, bool is_failed)
{
    struct hook_scratch *scratch = hook_tls.scratch;
    struct call_facts facts = {.now = now,
                               .effect = effect,
                               .begun_addr = (uint64_t)(uintptr_t)begun,
                               .ended_addr = (uint64_t)(uintptr_t)ended,
                               .size = size,
                               .sum = sum_of(begun, ended, size, is_failed)};
    read_clock(&facts);
    tell(scratch, &facts, count(scratch, &facts));
}

IN_PLACE void finish(const struct hook_now *now, enum hook_effect effect, const void *begun,
                     const void *ended, size_t size, bool is_failed)
{
    int host_errno = errno; /* what the host must see, set by the real function */
    hook_guard_phase(HOOK_IN_OURS);
    if (__builtin_expect(now->way == HOOK_RECORD && life_is_current(), true)) {
        record(now, effect, begun, ended, size, is_failed);
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

void hook_finish_alloc(const struct hook_now *now, void *ptr, size_t size)
{
    if (__builtin_expect(ptr != NULL, true)) {
        finish(now, HOOK_EFFECT_ALLOC, ptr, NULL, size, false);
    } else {
        hook_finish_any(now, NULL, NULL, size, true);
    }
}

void hook_finish_free(const struct hook_now *now, void *ptr)
{
    if (__builtin_expect(ptr != NULL, true)) {
        finish(now, HOOK_EFFECT_FREE, NULL, ptr, 0, false);
    } else {
        hook_finish_any(now, NULL, NULL, 0, false);
    }
}

void hook_finish_any(const struct hook_now *now, void *begun, void *ended, size_t size,
                     bool is_failed)
{
    finish(now, hook_call_effect(now->call), begun, ended, size, is_failed);
}
