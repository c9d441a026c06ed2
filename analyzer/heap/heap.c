#include "heap/heap.h"

#include <stdlib.h>

#include "heap/heap_life.h"

enum {
    PREFETCH_INDEX_AHEAD = 16,
    PREFETCH_RECORD_AHEAD = 8,
    NO_CALL = SESSION_EVENT_THREAD | SESSION_EVENT_NOTE | SESSION_EVENT_USAGE
};

struct heap *heap_create(struct profile *profile)
{
    struct heap *heap = mem_zero(1, sizeof *heap);
    heap->profile = profile;
    heap_sites_reach(&heap->sites, 0);
    heap_timeline_init(&heap->timeline);
    return heap;
}

/* NULL for a process that the profile does not know. */
static struct heap_process *process_at(struct heap *heap, uint32_t process)
{
    if (process >= heap->processes.count) {
        if (process >= heap->profile->processes.count) {
            return NULL;
        }
        while (heap->processes.count <= process) {
            (void)MEM_PUSH(&heap->processes);
        }
    }
    struct heap_process *p = &heap->processes.at[process];
    if (!p->is_begun) {
        heap_process_begin(p);
    }
    return p;
}

static void add_alloc(struct heap *heap, struct heap_process *process, struct heap_thread *thread,
                      const struct heap_event *event, uint32_t site)
{
    uint64_t birth = process->births & ((UINT64_C(1) << HEAP_BLOCK_BIRTH_BITS) - 1);
    process->births += 1;
    heap_hist_add(&heap->sites.sites.at[site].size, loglin_code(event->size), &heap->sites.budget);
    struct heap_block *block = heap_life_begin(heap, process, event, birth);
    heap_life_tell_timeline(heap);
    thread->has_last = true;
    thread->may_inherit = true;
    thread->frees_in_a_row = 0;
    thread->last_birth = birth;
    thread->last_addr = event->addr;
    thread->last_bytes = event->size;
    if (thread->is_in_realloc) {
        heap_life_follow_realloc(heap, thread, block, site);
    }
}

/* Of the block that a free is about to end; 0 = not known. */
static uint64_t live_size(const struct heap_process *process, uint64_t addr)
{
    const struct heap_block *block = heap_blocks_find(&process->blocks, addr);
    return block != NULL ? block->size : 0;
}

static void tell_slow(struct heap *heap, const struct heap_process *process,
                      const struct heap_event *event, uint32_t site, uint64_t ns, bool is_end)
{
    bool has_start = !is_end && event->time_ns >= ns;
    struct profile_slow_call slow = {
        .ns = ns,
        .at_ns = has_start ? event->time_ns - ns : event->time_ns,
        .size = is_end ? live_size(process, event->addr) : event->size,
        .site = site,
        .process = event->process,
        .thread = event->tid,
        .call = event->call,
    };
    heap_slow_take(&heap->slow, event, &slow);
    heap_slow_add(&heap->slow, &slow);
}

/* Counts, sums and latency: what needs no order and no addresses. */
static void count_event(struct heap *heap, struct heap_process *process,
                        const struct heap_event *event, uint32_t site, bool is_end)
{
    struct profile_bin *bin = heap_timeline_bin(&heap->timeline, event->time_ns);
    struct heap_call *call = heap_sites_call(&heap->sites, site, event->call);
    bool has_block = !heap_event_is_idle(event);
    bool is_failed = (event->flags & SESSION_EVENT_FAILED) != 0;
    uint64_t ended = has_block && is_end;
    uint64_t begun = has_block && !is_end;
    uint64_t bytes = begun != 0 ? event->size : 0;
    struct profile_calls *counts = &call->counts;
    counts->allocs += begun;
    counts->frees += ended;
    counts->bytes += bytes;
    process->totals.allocs += begun;
    process->totals.frees += ended;
    process->totals.bytes += bytes;
    bin->allocs += begun;
    bin->frees += ended;
    bin->bytes += bytes;
    if (heap_event_is_old_half(event)) {
        return; /* half a call: its other half counts it */
    }
    uint16_t code = event->latency < LOGLIN_CODES ? event->latency : LOGLIN_CODES - 1;
    uint64_t ns = loglin_value(code);
    counts->calls += 1;
    counts->failed += is_failed;
    counts->ns += ns;
    counts->ns_max = ns > counts->ns_max ? ns : counts->ns_max;
    heap_hist_add(&call->latency, code, &heap->sites.budget);
    process->calls += 1;
    process->totals.failed += is_failed;
    process->totals.ns += ns;
    bin->ns += ns;
    if (heap_slow_wants(&heap->slow, ns)) {
        tell_slow(heap, process, event, site, ns, is_end);
    }
}

/* The same, and what that added also for the marks and phases that the event lies in. */
static void count_in_spans(struct heap *heap, struct heap_process *process,
                           const struct heap_event *event, uint32_t site, bool is_end)
{
    struct profile_calls before = heap_sites_call(&heap->sites, site, event->call)->counts;
    count_event(heap, process, event, site, is_end);
    const struct profile_calls *now = &heap_sites_call(&heap->sites, site, event->call)->counts;
    struct profile_calls added = {.calls = now->calls - before.calls,
                                  .allocs = now->allocs - before.allocs,
                                  .frees = now->frees - before.frees,
                                  .failed = now->failed - before.failed,
                                  .bytes = now->bytes - before.bytes,
                                  .ns = now->ns - before.ns,
                                  .ns_max = now->ns - before.ns};
    heap_spans_count(&heap->spans, event, site, &added, &heap->sites.budget);
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
    struct heap_thread *thread = heap_process_thread(process, id);
    forget_realloc(heap, thread);
    *thread = (struct heap_thread){.id = id};
}

static void add_no_call(struct heap *heap, struct heap_process *process,
                        const struct heap_event *event)
{
    if ((event->flags & SESSION_EVENT_THREAD) != 0) {
        begin_thread(heap, process, event->thread);
    } else if ((event->flags & SESSION_EVENT_NOTE) != 0) {
        heap_spans_note(&heap->spans, heap->profile, event);
    } else {
        bool is_free = hook_call_effect(event->call) == HOOK_EFFECT_FREE;
        heap_slow_met(&heap->slow, event, heap_life_site(heap, event->path),
                      is_free ? live_size(process, event->addr) : event->addr);
    }
}

static void add_event(struct heap *heap, const struct heap_event *event)
{
    struct heap_process *process = process_at(heap, event->process);
    if (process == NULL || event->call >= CALL_COUNT) {
        return;
    }
    if (event->time_ns > heap->now_ns) {
        heap->now_ns = event->time_ns;
    }
    if (__builtin_expect((event->flags & NO_CALL) != 0, false)) {
        add_no_call(heap, process, event);
        return;
    }
    uint32_t site = heap_life_site(heap, event->path);
    struct heap_thread *thread = heap_process_thread(process, event->thread);
    enum hook_effect effect = hook_call_effect(event->call);
    bool is_end = effect == HOOK_EFFECT_FREE || (event->flags & SESSION_EVENT_OLD) != 0;
    if (is_end || effect != HOOK_EFFECT_REALLOC) {
        forget_realloc(heap, thread); /* its new half was lost */
    }
    if (__builtin_expect(heap->spans.is_used, false)) {
        count_in_spans(heap, process, event, site, is_end);
    } else {
        count_event(heap, process, event, site, is_end);
    }
    if (heap_event_is_idle(event)) {
        return;
    }
    if (is_end) {
        heap_life_end(heap, process, event);
    } else {
        add_alloc(heap, process, thread, event, site);
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

static const struct heap_blocks *blocks_of(const struct heap *heap, uint32_t process)
{
    bool is_begun = process < heap->processes.count && heap->processes.at[process].is_begun;
    return is_begun ? &heap->processes.at[process].blocks : NULL;
}

/* Two cache misses lie on each event's way, one behind the other: the index, then the record. */
static void prefetch(const struct heap *heap, const struct heap_event *events, size_t left)
{
    const struct heap_blocks *blocks;
    if (left > PREFETCH_INDEX_AHEAD) {
        const struct heap_event *event = &events[PREFETCH_INDEX_AHEAD];
        blocks = blocks_of(heap, event->process);
        if (blocks != NULL) {
            heap_blocks_prefetch(blocks, event->addr);
        }
    }
    if (left > PREFETCH_RECORD_AHEAD) {
        const struct heap_event *event = &events[PREFETCH_RECORD_AHEAD];
        blocks = blocks_of(heap, event->process);
        if (blocks != NULL) {
            heap_blocks_prefetch_record(blocks, event->addr);
        }
    }
}

void heap_add(struct heap *heap, const struct heap_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        prefetch(heap, &events[i], count - i);
        add_event(heap, &events[i]);
    }
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
    uint32_t site = heap_life_site(heap, block->path);
    heap_life_end_chain(heap, block->chain);
    heap_sites_end(&heap->sites, site, block->size);
    heap_process_live_less(ending->process, block->size);
    ending->process->ended_bytes += block->size;
    ending->process->ended_blocks += 1;
    struct heap_site *s = &heap->sites.sites.at[site];
    s->ended_bytes += block->size;
    s->ended_blocks += 1;
    s->ended_in_quarter[quarter_of(ending->process, block)] += 1;
    uint64_t ns = heap->now_ns > block->born_ns ? heap->now_ns - block->born_ns : 0;
    heap_site_held(s, block->size, ns);
}

static void sum_rss(struct heap *heap, uint64_t time_ns, uint64_t faults)
{
    uint64_t rss_bytes = 0;
    for (size_t i = 0; i < heap->processes.count; i++) {
        rss_bytes += heap->processes.at[i].rss_bytes;
    }
    heap_timeline_sample(&heap->timeline, time_ns, rss_bytes, faults);
}

void heap_process_ended(struct heap *heap, uint32_t id)
{
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

void heap_settle(struct heap *heap)
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
    profile_seal(p);
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
