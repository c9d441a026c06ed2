#include "heap/heap_ahead.h"

#include "alloctrap/loglin.h"

enum { AHEAD_PATH = 28, AHEAD_BIRTH = 4, AHEAD_LIFE = 2 };

/* The lines of its own site that an event will need. */
static void look_at_site(const struct heap *heap, struct heap_turn *turn)
{
    const struct profile *profile = heap->profile;
    uint32_t path = turn->event->path;
    uint32_t site = path < profile->paths.count ? profile->paths.at[path].site : 0;
    turn->site = site < heap->sites.site_count ? site : 0;
    const struct heap_site *s = &heap->sites.sites[turn->site];
    __builtin_prefetch(&s->own);
    if (!turn->is_end) {
        __builtin_prefetch(s);
    }
}

static void look_at_counters(const struct heap *heap, const struct heap_turn *turn)
{
    const struct heap_site *s = &heap->sites.sites[turn->site];
    if (s->own.call_1 == turn->event->call + 1U) {
        heap_hist_prefetch(&s->own.latency, turn->event->latency);
    }
    if (!turn->is_end) {
        heap_hist_prefetch(&s->size, loglin_code(turn->event->size));
    }
}

/* What a record says by now: it may be another block's, so nothing of it is believed. */
static const struct heap_site *birth_site(const struct heap *heap, const struct heap_turn *turn)
{
    bool is_known = turn->likely.block != NULL && turn->likely.block->site < heap->sites.site_count;
    return is_known ? &heap->sites.sites[turn->likely.block->site] : NULL;
}

static void look_at_birth(const struct heap *heap, const struct heap_turn *turn)
{
    const struct heap_site *s = birth_site(heap, turn);
    if (s != NULL) {
        __builtin_prefetch(s);
        __builtin_prefetch(&s->life_ns);
    }
}

static void look_at_life(const struct heap *heap, const struct heap_turn *turn)
{
    const struct heap_site *s = birth_site(heap, turn);
    if (s == NULL) {
        return;
    }
    uint64_t mask = (UINT64_C(1) << HEAP_BLOCK_BIRTH_BITS) - 1;
    uint64_t allocs = (turn->process->births - turn->likely.block->birth - 1) & mask;
    heap_hist_prefetch(&s->life_ns,
                       loglin_code(turn->event->time_ns - turn->likely.block->born_ns));
    heap_hist_prefetch(&s->life_allocs, loglin_code(allocs));
    if (s->last_pair != 0 && s->last_free_site == turn->site) {
        __builtin_prefetch(&heap->sites.pairs.at[s->last_pair - 1]);
    }
}

static struct heap_turn *turn_ahead(const struct heap_ahead *batch, size_t at)
{
    return at < batch->count ? &batch->turns[at % HEAP_AHEAD_TURNS] : NULL;
}

void heap_ahead_sites(const struct heap_ahead *batch, size_t at)
{
    const struct heap *heap = batch->heap;
    struct heap_turn *turn = NULL;
    if (at + AHEAD_PATH < batch->count &&
        batch->events[at + AHEAD_PATH].path < heap->profile->paths.count) {
        __builtin_prefetch(&heap->profile->paths.at[batch->events[at + AHEAD_PATH].path]);
    }
    if ((turn = turn_ahead(batch, at + HEAP_AHEAD_INDEX)) != NULL) {
        look_at_site(heap, turn);
    }
    if ((turn = turn_ahead(batch, at + HEAP_AHEAD_RECORD)) != NULL) {
        look_at_counters(heap, turn);
    }
    if ((turn = turn_ahead(batch, at + AHEAD_BIRTH)) != NULL) {
        look_at_birth(heap, turn);
    }
    if ((turn = turn_ahead(batch, at + AHEAD_LIFE)) != NULL) {
        look_at_life(heap, turn);
    }
}
