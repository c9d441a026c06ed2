#include "heap/heap_life.h"

#include "alloctrap/loglin.h"

/* Frames up to the function that appends: s = s + x of std::string allocates in _M_create, called
 * by _M_mutate, _M_append, operator+. */
enum { GROWTH_HELPERS_MAX = 4 };

static uint32_t parent_of(const struct heap *heap, uint32_t path)
{
    return path < heap->profile->paths.count ? heap->profile->paths.at[path].parent : 0;
}

void heap_life_fold_chain(struct heap *heap, uint32_t chain)
{
    const struct heap_chain *c = &heap->growth.chains.at[chain];
    heap_growth_fold(c, &heap->sites.rests.at[c->site].growth);
    heap_growth_drop(&heap->growth, chain);
}

/* Everything that an ended life tells, but for what is live now. */
static inline void tell_life(struct heap *heap, const struct heap_turn *turn,
                             const struct heap_thread *thread, const struct heap_block *block,
                             uint32_t site)
{
    const struct heap_event *end = turn->event;
    struct heap_process *process = turn->process;
    struct heap_site *s = &heap->sites.sites[site];
    uint64_t mask = (UINT64_C(1) << HEAP_BLOCK_BIRTH_BITS) - 1;
    uint64_t allocs = (process->births - block->birth - 1) & mask;
    uint64_t ns = end->time_ns > block->born_ns ? end->time_ns - block->born_ns : 0;
    bool is_same_thread = heap_block_thread(block) == end->thread;
    bool is_temporary =
        is_same_thread && thread != NULL && thread->has_last && thread->last_birth == block->birth;
    s->temporaries += is_temporary;
    heap_site_held(s, block->size, ns);
    process->totals.temporaries += is_temporary;
    heap_hist_add(&s->life_ns, loglin_code(ns), &heap->sites.budget);
    heap_hist_add(&s->life_allocs, loglin_code(allocs), &heap->sites.budget);
    struct profile_pair *pair = heap_sites_pair(&heap->sites, heap->profile, site, turn->site);
    pair->count += 1;
    pair->bytes += block->size;
    pair->same_thread += is_same_thread;
    pair->same_frame += is_same_thread && block->sp == end->sp && s->has_last_caller;
}

/* Whether an allocation and a free stand so close together that one function did both, itself or by
 * a helper or two (std::string grows in _M_mutate, which has _M_create allocate): the chains of
 * their callers meet within GROWTH_HELPERS_MAX frames of each. */
static bool have_close_caller(const struct heap *heap, uint32_t alloc_path, uint32_t free_path)
{
    for (unsigned i = 0; i < GROWTH_HELPERS_MAX; i++) {
        alloc_path = parent_of(heap, alloc_path);
        uint32_t above_free = free_path;
        for (unsigned k = 0; k < GROWTH_HELPERS_MAX && alloc_path != 0; k++) {
            above_free = parent_of(heap, above_free);
            if (above_free == alloc_path) {
                return true;
            }
        }
    }
    return false;
}

/* The block of the thread's latest allocation, or NULL when it is not live. */
static struct heap_block *latest_of(const struct heap_process *process,
                                    const struct heap_thread *thread)
{
    struct heap_block *block = thread->last_block;
    if (block == NULL || block->addr == 0) { /* it came late, or has ended */
        uint32_t hash = heap_blocks_hash(&process->blocks, thread->last_addr);
        block = heap_blocks_find(&process->blocks, thread->last_addr, hash).block;
    }
    return block != NULL && block->birth == thread->last_birth ? block : NULL;
}

/*
 * malloc + copy + free, the C form of s += x: the thread's latest allocation is larger, the old
 * block goes before the thread's next one comes, and the new one was made at the old one's site or
 * close to where the old one is freed. Not growth: a smaller successor, one made by another
 * thread, one with another allocation between, one freed by code far from where it was made.
 * Values of random sizes that replace each other do look like this now and then; their chains are
 * e - 1 = 1.7 steps long on average. The block that takes the chain over, or NULL.
 */
static struct heap_block *successor_of(const struct heap *heap, const struct heap_turn *turn,
                                       const struct heap_thread *thread,
                                       const struct heap_block *old)
{
    if (!(thread->may_inherit || old->chain != 0) || thread->last_bytes <= old->size ||
        thread->last_birth == old->birth || heap_block_thread(old) != thread->id) {
        return NULL;
    }
    struct heap_block *next = latest_of(turn->process, thread);
    return next != NULL &&
                   (next->site == old->site ||
                    have_close_caller(heap, heap->sites.sites[next->site].path, turn->event->path))
               ? next
               : NULL;
}

/* A thread that frees and frees: what it takes apart could have gone at once. Only blocks that were
 * there when it began: a thread that does nothing but free what others make takes nothing apart. */
static void tell_burst(struct heap *heap, const struct heap_process *process,
                       struct heap_thread *thread, const struct heap_block *old, uint32_t site)
{
    uint64_t mask = (UINT64_C(1) << HEAP_BLOCK_BIRTH_BITS) - 1;
    if (thread->frees_in_a_row == 0) {
        thread->row_birth = process->births;
    }
    uint64_t born_ago = (process->births - old->birth) & mask;
    uint64_t began_ago = process->births - thread->row_birth;
    if (born_ago <= began_ago) {
        return;
    }
    thread->frees_in_a_row += 1;
    if (thread->frees_in_a_row >= PROFILE_BURST_FREES) {
        struct heap_site_rest *s = &heap->sites.rests.at[site];
        s->burst_frees += 1;
        s->bursts += thread->frees_in_a_row == PROFILE_BURST_FREES;
    }
}

/* s = s + x makes a copy of s, which grows, and then s goes: two blocks are replaced by one. The
 * longer chain goes on, the other one ends. */
static bool takes_over(struct heap *heap, const struct heap_block *old, struct heap_block *next)
{
    const struct heap_chain *chains = heap->growth.chains.at;
    if (next->chain == 0 || chains[old->chain].steps < chains[next->chain].steps) {
        return false;
    }
    heap_life_end_chain(heap, next->chain);
    next->chain = 0;
    return true;
}

/* What becomes of the chain of a block that has just ended. */
static void pass_chain(struct heap *heap, const struct heap_turn *turn, struct heap_thread *thread,
                       const struct heap_block *old, uint32_t site)
{
    if (heap_event_is_old_half(turn->event)) {
        thread->is_in_realloc = true;
        thread->old_addr = old->addr;
        thread->old_bytes = old->size;
        thread->old_site = site;
        thread->old_chain = old->chain;
        return;
    }
    tell_burst(heap, turn->process, thread, old, site);
    struct heap_block *next = successor_of(heap, turn, thread, old);
    if (next == NULL) {
        heap_life_end_chain(heap, old->chain);
        return;
    }
    if (!thread->may_inherit && !takes_over(heap, old, next)) {
        heap_life_end_chain(heap, old->chain);
        return;
    }
    thread->may_inherit = false;
    heap->sites.rests.at[site].replaced += 1;
    next->chain = heap_growth_step(&heap->growth, old->chain, next->site, old->size, next->size,
                                   HEAP_GROWTH_BY_COPY) &
                  HEAP_BLOCK_CHAIN_MAX;
}

/* Takes a block out of what is live. */
static inline void drop_block(struct heap *heap, struct heap_process *process,
                              struct heap_blocks_found found)
{
    heap_sites_end(&heap->sites, found.block->site, found.block->size);
    heap_process_live_less(process, found.block->size);
    heap_blocks_remove(&process->blocks, found);
}

/* Field by field, where it stays: a whole struct would be put together elsewhere, and copied by
 * wider loads than its stores were, which a processor cannot forward. */
static inline void fill_block(struct heap_block *block, const struct heap_event *event,
                              uint32_t site, uint64_t birth)
{
    block->addr = event->addr & SESSION_LOW48;
    block->thread_low = (uint16_t)event->thread;
    block->size = event->size & SESSION_LOW48;
    block->thread_high = (uint16_t)(event->thread >> 16);
    block->born_ns = event->time_ns;
    block->birth = birth & ((UINT64_C(1) << HEAP_BLOCK_BIRTH_BITS) - 1);
    block->chain = 0;
    block->site = site;
    block->sp = event->sp;
}

/* The allocation of a life whose end is known already: it never was live as far as we counted. */
static void tell_past_life(struct heap *heap, struct heap_process *process,
                           const struct heap_late_event *begin, const struct heap_event *end)
{
    uint32_t site = heap_life_site(heap, begin->event.path);
    struct heap_block block;
    fill_block(&block, &begin->event, site, begin->birth);
    struct heap_turn turn = {
        .event = end, .process = process, .site = heap_life_site(heap, end->path)};
    tell_life(heap, &turn, heap_process_known_thread(process, end->thread), &block, site);
    heap->late_events += 1;
}

static void park(struct heap *heap, struct heap_process *process, const struct heap_event *event,
                 uint64_t birth, bool is_alloc)
{
    struct heap_late_event late = {
        .event = *event, .birth = birth, .parked_ns = heap->now_ns, .is_alloc = is_alloc};
    struct heap_late_event oldest;
    if (heap_late_is_full(&process->late) &&
        heap_late_take_oldest(&process->late, UINT64_MAX, &oldest)) {
        heap_life_give_up(heap, process, &oldest);
    }
    heap_late_park(&process->late, &late);
    heap->has_late = true;
}

/* Whether the end of a life that begins now came already; then all of it is told. */
static bool ended_before(struct heap *heap, struct heap_process *process,
                         const struct heap_event *event, uint64_t birth)
{
    struct heap_late_event end;
    if (!heap_late_take_free(&process->late, event->addr, event->time_ns, &end)) {
        return false;
    }
    struct heap_late_event begin = {.event = *event, .birth = birth};
    tell_past_life(heap, process, &begin, &end.event);
    return true;
}

struct heap_block *heap_life_begin(struct heap *heap, const struct heap_turn *turn, uint64_t birth)
{
    const struct heap_event *event = turn->event;
    struct heap_process *process = turn->process;
    if (process->late.waiting != 0 && ended_before(heap, process, event, birth)) {
        return NULL;
    }
    struct heap_block *block = heap_blocks_put(&process->blocks, event->addr, turn->hash);
    if (block == NULL) {
        park(heap, process, event, birth, true);
        return NULL;
    }
    fill_block(block, event, turn->site, birth);
    uint64_t size = event->size & SESSION_LOW48;
    heap_sites_begin(&heap->sites, turn->site, size, event->time_ns);
    heap_process_live_more(process, size, event->time_ns);
    return block;
}

/* An allocation that waited begins, if it can. */
static struct heap_block *begin_late(struct heap *heap, struct heap_process *process,
                                     const struct heap_late_event *late, uint32_t hash)
{
    struct heap_turn turn = {.event = &late->event,
                             .process = process,
                             .hash = hash,
                             .site = heap_life_site(heap, late->event.path)};
    return heap_life_begin(heap, &turn, late->birth);
}

/* The address that a turn ends is free at last: the allocation that waited for it begins. */
static void begin_waiting(struct heap *heap, const struct heap_turn *turn)
{
    struct heap_late *late = &turn->process->late;
    struct heap_late_event next;
    bool is_live = false;
    while (!is_live && heap_late_take_alloc(late, turn->event->addr, turn->event->time_ns, &next)) {
        heap->late_events += 1;
        is_live = begin_late(heap, turn->process, &next, turn->hash) != NULL;
    }
}

static void give_up_alloc(struct heap *heap, struct heap_process *process,
                          const struct heap_late_event *late)
{
    uint32_t hash = heap_blocks_hash(&process->blocks, late->event.addr);
    struct heap_blocks_found live = heap_blocks_find(&process->blocks, late->event.addr, hash);
    heap->late_events += 1;
    if (live.block != NULL && live.block->born_ns > late->event.time_ns) {
        uint32_t site = heap_life_site(heap, late->event.path); /* the tables may move */
        heap->sites.rests.at[site].ended_untold += 1;
        return;
    }
    if (live.block != NULL) {
        heap->sites.rests.at[live.block->site].ended_untold += 1;
        heap_life_end_chain(heap, live.block->chain);
        drop_block(heap, process, live);
    }
    (void)begin_late(heap, process, late, hash);
    heap_life_raise_timeline(heap);
}

void heap_life_give_up(struct heap *heap, struct heap_process *process,
                       const struct heap_late_event *late)
{
    if (late->is_alloc) {
        give_up_alloc(heap, process, late);
    } else {
        process->totals.unknown_frees += 1;
    }
}

/* A free while events wait: true when one of them is its partner, or stands before it. */
static bool meets_waiting(struct heap *heap, struct heap_process *process,
                          const struct heap_block *live, const struct heap_event *event)
{
    if (live != NULL && live->born_ns <= event->time_ns) {
        /* Frees come first on a tie: only a life begun before this free can be meant by it. */
        if (event->time_ns == 0 || heap_late_alloc(&process->late, event->addr, live->born_ns,
                                                   event->time_ns - 1) == NULL) {
            return false;
        }
        park(heap, process, event, 0, false);
        return true;
    }
    struct heap_late_event *begin = heap_late_alloc(&process->late, event->addr, 0, event->time_ns);
    if (begin == NULL) {
        return false;
    }
    struct heap_late_event found = *begin;
    heap_late_release(&process->late, begin);
    tell_past_life(heap, process, &found, event);
    return true;
}

/* What an event ends: nearly always where it was when it was asked for ahead. */
static inline struct heap_blocks_found find_ended(const struct heap_turn *turn)
{
    const struct heap_blocks *blocks = &turn->process->blocks;
    uint64_t slot = turn->likely.slot;
    struct heap_block *block = heap_blocks_at(blocks, turn->event->addr, turn->hash, slot);
    return __builtin_expect(block != NULL, true)
               ? (struct heap_blocks_found){block, slot}
               : heap_blocks_find(blocks, turn->event->addr, turn->hash);
}

void heap_life_end(struct heap *heap, const struct heap_turn *turn, struct heap_thread *thread)
{
    const struct heap_event *event = turn->event;
    struct heap_process *process = turn->process;
    struct heap_blocks_found live = find_ended(turn);
    bool has_waiting = process->late.waiting != 0;
    if (has_waiting && meets_waiting(heap, process, live.block, event)) {
        return;
    }
    if (live.block == NULL || live.block->born_ns > event->time_ns) {
        park(heap, process, event, 0, false);
        return;
    }
    uint32_t site = live.block->site;
    tell_life(heap, turn, thread, live.block, site);
    pass_chain(heap, turn, thread, live.block, site);
    drop_block(heap, process, live);
    if (has_waiting) {
        begin_waiting(heap, turn);
        heap_life_raise_timeline(heap);
    }
}

/* The new half of a realloc takes the old block's chain over. */
void heap_life_follow_realloc(struct heap *heap, struct heap_thread *thread,
                              struct heap_block *block, uint32_t site)
{
    uint32_t chain = thread->old_chain;
    thread->is_in_realloc = false;
    thread->may_inherit = false;
    if (block == NULL) {
        heap_life_end_chain(heap, chain);
    } else if (block->size > thread->old_bytes) {
        enum heap_growth_way way =
            block->addr == thread->old_addr ? HEAP_GROWTH_IN_PLACE : HEAP_GROWTH_MOVED;
        heap->sites.rests.at[thread->old_site].replaced += 1;
        block->chain =
            heap_growth_step(&heap->growth, chain, site, thread->old_bytes, block->size, way) &
            HEAP_BLOCK_CHAIN_MAX;
    } else if (chain != 0) {
        heap_growth_keep(&heap->growth, chain, site, block->size);
        block->chain = chain & HEAP_BLOCK_CHAIN_MAX;
    }
}
