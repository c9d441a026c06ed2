/*
 * heap_life - where lives begin and end: blocks, what is live, pairs, temporaries, chains, and the
 * events that came before their partners. The state of a heap is here; heap.c counts and settles.
 * Owner: the heap. Threads: one at a time. Units: bytes, ns since the recording's start.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_LIFE_H
#define ALLOCTRAP_HEAP_HEAP_LIFE_H

#include "heap/heap.h"
#include "heap/heap_process.h"
#include "heap/heap_site.h"
#include "heap/heap_slow.h"
#include "heap/heap_spans.h"
#include "heap/heap_timeline.h"

struct heap {
    struct profile *profile;
    struct heap_sites sites;
    struct heap_growth growth;
    struct heap_timeline timeline;
    struct heap_slow slow;
    struct heap_spans spans;
    MEM_ARRAY(struct heap_process) processes; /* by profile process */
    uint64_t now_ns;                          /* latest time seen */
    uint64_t late_events;
    bool has_late; /* some process may have events waiting */
};

/* HOT. The site of a path; both the profile's and the heap's tables reach it. */
static inline uint32_t heap_life_site(struct heap *heap, uint32_t path)
{
    if (path >= heap->profile->paths.count) {
        return 0;
    }
    uint32_t site = heap->profile->paths.at[path].site;
    if (site == 0) {
        site = profile_site(heap->profile, path);
    }
    if (site >= heap->sites.sites.count) {
        heap_sites_reach(&heap->sites, site);
    }
    return site;
}

/* HOT. What is live now, for the timeline. */
static inline void heap_life_tell_timeline(struct heap *heap)
{
    heap_timeline_live(&heap->timeline, heap->sites.live_bytes, heap->sites.live_blocks);
}

/* Begins a life, unless its end came first or the one before it has not ended. The block when it
 * is live now; good until the next begin or end. */
struct heap_block *heap_life_begin(struct heap *heap, struct heap_process *process,
                                   const struct heap_event *event, uint64_t birth);

/* Ends the life that a free, or the OLD half of a realloc, means; or parks it. */
void heap_life_end(struct heap *heap, struct heap_process *process, const struct heap_event *event);

/* The new half of a realloc takes the old block's chain over. block: NULL when it is not live. */
void heap_life_follow_realloc(struct heap *heap, struct heap_thread *thread,
                              struct heap_block *block, uint32_t site);

/* Folds a chain into its site's numbers; 0 is fine. */
void heap_life_end_chain(struct heap *heap, uint32_t chain);

/* A parked event whose partner will not come. */
void heap_life_give_up(struct heap *heap, struct heap_process *process,
                       const struct heap_late_event *late);

#endif
