#include "heap/heap.h"

#include <stdlib.h>

#include "alloctrap/loglin.h"
#include "heap/heap_ahead.h"
#include "heap/heap_life.h"

/* Into each of its callers, where a parameter is a constant. */
#define IN_PLACE __attribute__((always_inline)) static inline

enum { NO_CALL = SESSION_EVENT_THREAD | SESSION_EVENT_NOTE | SESSION_EVENT_USAGE };

struct heap *heap_create(struct profile *profile)
{
    struct heap *heap = mem_zero(1, sizeof *heap);
    heap->profile = profile;
    heap_sites_reach(&heap->sites, profile, 0);
    heap_timeline_init(&heap->timeline);
    return heap;
}

/* Until the profile has more of them, pointers to processes stay good. */
static void reach_processes(struct heap *heap)
{
    while (heap->processes.count < heap->profile->processes.count) {
        (void)MEM_PUSH(&heap->processes);
    }
}

/* NULL for a process that the profile did not know at the last reach_processes(). */
static struct heap_process *process_at(struct heap *heap, uint32_t process)
{
    if (process >= heap->processes.count) {
        return NULL;
    }
    struct heap_process *p = &heap->processes.at[process];
    if (!p->is_begun) {
        heap_process_begin(p);
    }
    return p;
}

static inline void add_alloc(struct heap *heap, const struct heap_turn *turn,
                             struct heap_thread *thread)
{
    const struct heap_event *event = turn->event;
    struct heap_site *site = &heap->sites.sites[turn->site];
    uint64_t birth = turn->process->births & ((UINT64_C(1) << HEAP_BLOCK_BIRTH_BITS) - 1);
    turn->process->births += 1;
    heap_hist_add(&site->size, loglin_code(event->size), &heap->sites.budget);
    struct heap_block *block = heap_life_begin(heap, turn, birth);
    heap_life_raise_timeline(heap);
    thread->has_last = true;
    thread->may_inherit = true;
    thread->frees_in_a_row = 0;
    thread->last_block = block;
    thread->last_birth = birth;
    thread->last_addr = event->addr;
    thread->last_bytes = event->size;
    if (thread->is_in_realloc) {
        heap_life_follow_realloc(heap, thread, block, turn->site);
    }
}

/* Of the block that a turn's address is the start of; 0 = not known. */
static uint64_t live_size(const struct heap_turn *turn)
{
    const struct heap_block *block =
        heap_blocks_find(&turn->process->blocks, turn->event->addr, turn->hash).block;
    return block != NULL ? block->size : 0;
}

static void tell_slow(struct heap *heap, const struct heap_turn *turn, uint64_t ns)
{
    const struct heap_event *event = turn->event;
    bool has_start = !turn->is_end && event->time_ns >= ns; /* allocations are stamped at the end */
    struct profile_slow_call slow = {
        .ns = ns,
        .at_ns = has_start ? event->time_ns - ns : event->time_ns,
        .size = turn->is_end ? live_size(turn) : event->size,
        .site = turn->site,
        .process = event->process,
        .thread = event->tid,
        .call = event->call,
    };
    heap_slow_take(&heap->slow, event, &slow);
    heap_slow_add(&heap->slow, &slow);
}

static void tell_bin(struct profile_bin *bin, const struct profile_calls *added)
{
    bin->allocs += added->allocs;
    bin->frees += added->frees;
    bin->bytes += added->bytes;
    bin->ns += added->ns;
}

static void tell_process(struct heap_process *process, const struct profile_calls *added)
{
    process->calls += added->calls;
    process->totals.allocs += added->allocs;
    process->totals.frees += added->frees;
    process->totals.failed += added->failed;
    process->totals.bytes += added->bytes;
    process->totals.ns += added->ns;
}

static void end_tally(struct heap *heap)
{
    const struct heap_tally *tally = &heap->tally;
    if (heap->tally_process != NULL) {
        struct profile_calls added = {.calls = tally->allocs + tally->frees,
                                      .allocs = tally->allocs,
                                      .frees = tally->frees,
                                      .bytes = tally->bytes,
                                      .ns = tally->ns};
        tell_process(heap->tally_process, &added);
        tell_bin(heap->timeline.last, &added);
        heap->tally = (struct heap_tally){0};
        heap->tally_process = NULL;
    }
}

/* The bin of a time, which may be a new one: it begins with what is live. */
static struct profile_bin *bin_at(struct heap *heap, uint64_t time_ns)
{
    if (heap_timeline_is_last(&heap->timeline, time_ns)) {
        return heap->timeline.last;
    }
    end_tally(heap);
    heap_life_tell_timeline(heap);
    return heap_timeline_find(&heap->timeline, time_ns);
}

/* What an event that is not plain, or not in the latest bin, adds to its process and bin. */
static void tell_both(struct heap *heap, const struct heap_turn *turn,
                      const struct profile_calls *added)
{
    tell_bin(bin_at(heap, turn->event->time_ns), added);
    tell_process(turn->process, added);
}

static inline uint16_t latency_of(const struct heap_event *event)
{
    return event->latency < LOGLIN_CODES ? event->latency : LOGLIN_CODES - 1;
}

static struct profile_calls added_by(const struct heap_event *event, bool is_end)
{
    bool has_block = !heap_event_is_idle(event);
    bool is_call = !heap_event_is_old_half(event); /* its other half is the call */
    uint64_t ns = is_call ? loglin_value(latency_of(event)) : 0;
    return (struct profile_calls){
        .calls = is_call,
        .allocs = has_block && !is_end,
        .frees = has_block && is_end,
        .failed = (event->flags & SESSION_EVENT_FAILED) != 0,
        .bytes = has_block && !is_end ? event->size : 0,
        .ns = ns,
        .ns_max = ns,
    };
}

static inline void count_latency(struct heap *heap, const struct heap_turn *turn,
                                 struct heap_call *call, uint64_t ns)
{
    heap_hist_add(&call->latency, latency_of(turn->event), &heap->sites.budget);
    if (heap_slow_wants(&heap->slow, ns)) {
        tell_slow(heap, turn, ns);
    }
}

static void count_odd(struct heap *heap, const struct heap_turn *turn, struct heap_call *call)
{
    struct profile_calls added = added_by(turn->event, turn->is_end);
    tell_both(heap, turn, &added);
    call->bytes += added.bytes;
    heap_odd_add(heap_sites_odd(&heap->sites, call), &added);
    if (added.calls != 0) {
        count_latency(heap, turn, call, added.ns);
    }
    if (heap->spans.is_used) {
        heap_spans_count(&heap->spans, turn->event, turn->site, added.bytes, &added,
                         &heap->sites.budget);
    }
}

/* The same as count_odd(), for what has no flags. is_end: the turn's, a constant. */
IN_PLACE void count_plain(struct heap *heap, const struct heap_turn *turn, struct heap_call *call,
                          bool is_end)
{
    struct heap_tally *tally = &heap->tally;
    uint64_t ns = loglin_value(latency_of(turn->event));
    uint64_t bytes = is_end ? 0 : turn->event->size;
    call->bytes += bytes;
    count_latency(heap, turn, call, ns);
    if (__builtin_expect(heap->spans.is_used, false)) {
        heap_spans_count(&heap->spans, turn->event, turn->site, bytes, NULL, &heap->sites.budget);
    }
    if (__builtin_expect(!heap_timeline_is_last(&heap->timeline, turn->event->time_ns), false)) {
        struct profile_calls added = added_by(turn->event, is_end);
        tell_both(heap, turn, &added);
        return;
    }
    if (__builtin_expect(heap->tally_process != turn->process, false)) {
        end_tally(heap);
        heap->tally_process = turn->process;
    }
    tally->allocs += !is_end;
    tally->frees += is_end;
    tally->bytes += bytes;
    tally->ns += ns;
}

static void forget_realloc(struct heap *heap, struct heap_thread *thread)
{
    if (thread->is_in_realloc) {
        heap_life_end_chain(heap, thread->old_chain);
        thread->is_in_realloc = false;
    }
}

/* A slot's new owner: what its last one was about to do will not be. */
static void begin_thread(struct heap *heap, struct heap_process *process, uint32_t id)
{
    struct heap_thread *owner = heap_process_owner(process, id);
    if (owner != NULL) {
        forget_realloc(heap, owner);
    }
    (void)heap_process_new_thread(process, id);
}

/* The site of a turn, and its thread. */
static inline struct heap_thread *thread_of(struct heap *heap, struct heap_turn *turn)
{
    const struct heap_event *event = turn->event;
    turn->site = heap_life_site(heap, event->path);
    struct heap_thread *thread = heap_process_thread(turn->process, event->thread);
    if (__builtin_expect(thread->is_in_realloc, false) &&
        (turn->is_end || hook_call_effect(event->call) != HOOK_EFFECT_REALLOC)) {
        forget_realloc(heap, thread); /* its new half was lost */
    }
    return thread;
}

/* An event that is no call. */
static void add_no_call(struct heap *heap, const struct heap_turn *turn)
{
    const struct heap_event *event = turn->event;
    if ((event->flags & SESSION_EVENT_THREAD) != 0) {
        begin_thread(heap, turn->process, event->thread);
    } else if ((event->flags & SESSION_EVENT_NOTE) != 0) {
        heap_spans_note(&heap->spans, heap->profile, event);
    } else {
        bool is_free = hook_call_effect(event->call) == HOOK_EFFECT_FREE;
        heap_slow_met(&heap->slow, event, heap_life_site(heap, event->path),
                      is_free ? live_size(turn) : event->addr);
    }
}

/* An event with flags. Counts, sums and latency are what needs no order and no addresses. */
__attribute__((noinline)) static void add_odd(struct heap *heap, struct heap_turn *turn)
{
    const struct heap_event *event = turn->event;
    if ((event->flags & NO_CALL) != 0) {
        add_no_call(heap, turn);
        return;
    }
    struct heap_thread *thread = thread_of(heap, turn);
    count_odd(heap, turn, heap_sites_call(&heap->sites, turn->site, event->call));
    if (heap_event_is_idle(event)) {
        return;
    }
    if (turn->is_end) {
        heap_life_end(heap, turn, thread);
    } else {
        add_alloc(heap, turn, thread);
    }
}

/* Most of all events. is_end: the turn's, a constant. */
IN_PLACE void add_plain(struct heap *heap, struct heap_turn *turn, bool is_end)
{
    struct heap_thread *thread = thread_of(heap, turn);
    struct heap_call *call = heap_sites_call(&heap->sites, turn->site, turn->event->call);
    count_plain(heap, turn, call, is_end);
    if (is_end) {
        heap_life_end(heap, turn, thread);
    } else {
        add_alloc(heap, turn, thread);
    }
}

IN_PLACE void add_event(struct heap *heap, struct heap_turn *turn)
{
    const struct heap_event *event = turn->event;
    heap->now_ns = event->time_ns > heap->now_ns ? event->time_ns : heap->now_ns;
    if (__builtin_expect(event->flags != 0, false)) {
        add_odd(heap, turn);
    } else if (turn->is_end) {
        add_plain(heap, turn, true);
    } else {
        add_plain(heap, turn, false);
    }
}

static void give_up_old(struct heap *heap)
{
    uint64_t before_ns = heap->now_ns > HEAP_LATE_WAIT_NS ? heap->now_ns - HEAP_LATE_WAIT_NS : 0;
    heap->has_late = false;
    for (size_t i = 0; i < heap->processes.count; i++) {
        struct heap_process *process = &heap->processes.at[i];
        struct heap_late_event late;
        while (heap_late_take_oldest(&process->late, before_ns, &late)) {
            heap_life_give_up(heap, process, &late);
        }
        heap->has_late = heap->has_late || process->late.waiting != 0;
    }
}

/* The event is the turn's. False: it is ignored. */
IN_PLACE bool begin_turn(struct heap *heap, const struct heap_event *event, struct heap_turn *turn)
{
    struct heap_process *process = process_at(heap, event->process);
    turn->event = event;
    turn->process = process;
    if (__builtin_expect(process == NULL || event->call >= CALL_COUNT, false)) {
        turn->process = NULL;
        turn->likely.block = NULL;
        return false;
    }
    turn->is_end = (event->flags & SESSION_EVENT_OLD) != 0 ||
                   hook_call_effect(event->call) == HOOK_EFFECT_FREE;
    turn->hash = heap_blocks_hash(&process->blocks, event->addr);
    turn->likely = (struct heap_blocks_found){NULL, heap_blocks_home(&process->blocks, turn->hash)};
    return true;
}

static inline void look_ahead(struct heap *heap, const struct heap_event *event,
                              struct heap_turn *turn)
{
    if (begin_turn(heap, event, turn)) {
        __builtin_prefetch(&turn->process->blocks.slots[turn->likely.slot]);
    }
}

static inline void look_closer(struct heap_turn *turn)
{
    if (turn->process != NULL && turn->is_end) {
        turn->likely = heap_blocks_prefetch_record(&turn->process->blocks, turn->hash);
    }
}

/* Everything is in the caches next to the core. */
static void add_near(struct heap *heap, const struct heap_event *events, size_t count)
{
    struct heap_turn turn = {.site = 0};
    for (size_t i = 0; i < count; i++) {
        if (begin_turn(heap, &events[i], &turn)) {
            add_event(heap, &turn);
        }
    }
}

/* Cache misses lie on each event's way, one behind the other. */
static void add_far(struct heap *heap, const struct heap_event *events, size_t count)
{
    struct heap_turn turns[HEAP_AHEAD_TURNS] = {{.site = 0}};
    struct heap_ahead batch = {heap, events, turns, count};
    bool has_many_sites = heap->sites.site_count > HEAP_AHEAD_SITES_MANY;
    for (size_t i = 0; i < HEAP_AHEAD_INDEX && i < count; i++) {
        look_ahead(heap, &events[i], &turns[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (i + HEAP_AHEAD_INDEX < count) {
            look_ahead(heap, &events[i + HEAP_AHEAD_INDEX],
                       &turns[(i + HEAP_AHEAD_INDEX) % HEAP_AHEAD_TURNS]);
        }
        if (i + HEAP_AHEAD_RECORD < count) {
            look_closer(&turns[(i + HEAP_AHEAD_RECORD) % HEAP_AHEAD_TURNS]);
        }
        if (has_many_sites) {
            heap_ahead_sites(&batch, i);
        }
        if (turns[i % HEAP_AHEAD_TURNS].process != NULL) {
            add_event(heap, &turns[i % HEAP_AHEAD_TURNS]);
        }
    }
}

void heap_add(struct heap *heap, const struct heap_event *events, size_t count)
{
    reach_processes(heap);
    if (heap->sites.site_count > HEAP_AHEAD_SITES_MANY ||
        heap->sites.live_blocks > HEAP_AHEAD_BLOCKS_MANY) {
        add_far(heap, events, count);
    } else {
        add_near(heap, events, count);
    }
    end_tally(heap);
    if (heap->has_late) {
        give_up_old(heap);
    }
}

struct ending {
    struct heap *heap;
    struct heap_process *process;
};

/* When in its process's life a block was born, told by allocations: 0 the first quarter. */
static unsigned quarter_of(const struct heap_process *process, const struct heap_block *block)
{
    uint64_t births = process->births;
    return births == 0 ? 0 : (unsigned)(block->birth % births * PROFILE_QUARTERS / births);
}

static void end_with_process(void *context, const struct heap_block *block)
{
    const struct ending *ending = context;
    struct heap *heap = ending->heap;
    uint32_t site = block->site;
    heap_life_end_chain(heap, block->chain);
    heap_sites_end(&heap->sites, site, block->size);
    heap_process_live_less(ending->process, block->size);
    ending->process->ended_bytes += block->size;
    ending->process->ended_blocks += 1;
    struct heap_site_rest *s = &heap->sites.rests.at[site];
    s->ended_bytes += block->size;
    s->ended_blocks += 1;
    s->ended_in_quarter[quarter_of(ending->process, block)] += 1;
    uint64_t ns = heap->now_ns > block->born_ns ? heap->now_ns - block->born_ns : 0;
    heap_site_held(&heap->sites.sites[site], block->size, ns);
}

static void sum_rss(struct heap *heap, uint64_t time_ns, uint64_t faults)
{
    uint64_t rss_bytes = 0;
    for (size_t i = 0; i < heap->processes.count; i++) {
        rss_bytes += heap->processes.at[i].rss_bytes;
    }
    heap_life_tell_timeline(heap);
    heap_timeline_sample(&heap->timeline, time_ns, rss_bytes, faults);
}

void heap_process_ended(struct heap *heap, uint32_t id)
{
    reach_processes(heap);
    struct heap_process *process = process_at(heap, id);
    if (process == NULL) {
        return;
    }
    struct heap_late_event late;
    while (heap_late_take_oldest(&process->late, UINT64_MAX, &late)) {
        heap_life_give_up(heap, process, &late);
    }
    for (size_t i = 0; i < process->threads.count; i++) {
        forget_realloc(heap, &process->threads.at[i]);
    }
    process->threads.count = 0;
    heap_blocks_each(&process->blocks, end_with_process, &(struct ending){heap, process});
    heap_blocks_finish(&process->blocks);
    heap_late_finish(&process->late);
    process->is_begun = false;
    heap_life_tell_timeline(heap);
    if (process->rss_bytes != 0) {
        process->rss_bytes = 0;
        sum_rss(heap, heap->now_ns, 0);
    }
}

void heap_sample(struct heap *heap, uint64_t time_ns, uint32_t id, uint64_t rss_bytes,
                 uint64_t faults)
{
    reach_processes(heap);
    struct heap_process *process = process_at(heap, id);
    if (process == NULL) {
        return;
    }
    uint64_t more = faults > process->faults ? faults - process->faults : 0;
    process->faults += more;
    process->rss_bytes = rss_bytes;
    if (time_ns > heap->now_ns) {
        heap->now_ns = time_ns;
    }
    sum_rss(heap, time_ns, more);
}

struct heap_level heap_level(const struct heap *heap)
{
    return (struct heap_level){heap->sites.live_bytes, heap->sites.live_blocks,
                               heap->sites.peak_bytes};
}

static void settle_bins(const struct heap *heap, struct profile *p)
{
    p->bin_ns = heap->timeline.bin_ns;
    p->bins.count = 0;
    for (uint32_t i = 0; i < heap->timeline.bin_count; i++) {
        *MEM_PUSH(&p->bins) = heap->timeline.bins[i];
    }
}

static void add_totals(struct profile_totals *into, const struct profile_totals *from)
{
    into->allocs += from->allocs;
    into->frees += from->frees;
    into->bytes += from->bytes;
    into->failed += from->failed;
    into->ns += from->ns;
    into->temporaries += from->temporaries;
    into->live_bytes += from->live_bytes;
    into->live_blocks += from->live_blocks;
    into->unknown_frees += from->unknown_frees;
}

static void settle_totals(const struct heap *heap, struct profile *p)
{
    p->totals = (struct profile_totals){
        .peak_bytes = heap->sites.peak_bytes,
        .peak_blocks = heap->sites.peak_blocks,
        .peak_at_ns = heap->sites.peak_at_ns,
    };
    p->events_seen = 0;
    for (size_t i = 0; i < heap->processes.count; i++) {
        struct profile_totals totals = heap_process_totals(&heap->processes.at[i]);
        p->processes.at[i].totals = totals;
        p->events_seen += heap->processes.at[i].calls;
        add_totals(&p->totals, &totals);
    }
}

void heap_settle_unsealed(struct heap *heap)
{
    struct profile *p = heap->profile;
    heap_sites_settle(&heap->sites, &heap->growth, p);
    heap_spans_settle(&heap->spans, p);
    settle_totals(heap, p);
    settle_bins(heap, p);
    p->late_events = heap->late_events;
    p->slow_calls.count = 0;
    for (unsigned i = 0; i < heap->slow.count; i++) {
        *MEM_PUSH(&p->slow_calls) = heap->slow.calls[i];
    }
    p->slow_causes.count = 0;
    for (size_t i = 0; i < heap->slow.causes.count; i++) {
        *MEM_PUSH(&p->slow_causes) = heap->slow.causes.at[i];
    }
}

void heap_settle(struct heap *heap)
{
    heap_settle_unsealed(heap);
    profile_seal(heap->profile);
}

void heap_destroy(struct heap *heap)
{
    if (heap == NULL) {
        return;
    }
    for (size_t i = 0; i < heap->processes.count; i++) {
        heap_process_finish(&heap->processes.at[i]);
    }
    free(heap->processes.at);
    heap_sites_finish(&heap->sites);
    heap_slow_finish(&heap->slow);
    heap_spans_finish(&heap->spans);
    heap_growth_finish(&heap->growth);
    heap_timeline_finish(&heap->timeline);
    free(heap);
}
