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

/* What plain events (no flags: each a call) of one process in the timeline's latest bin add up to,
 * until it is told to both. */
struct heap_tally {
    uint64_t allocs;
    uint64_t frees;
    uint64_t bytes;
    uint64_t ns;
};

/* An event and what is known of it when its turn comes. */
struct heap_turn {
    const struct heap_event *event;
    struct heap_process *process;    /* NULL: not one that the profile knows, or no such call */
    uint32_t hash;                   /* of its address, by heap_blocks_hash() */
    uint32_t site;                   /* before its turn comes: most probably */
    bool is_end;                     /* it may end a block, and begins none */
    struct heap_blocks_found likely; /* what it ends, most probably; block NULL: not known, and the
                                        slot is where to look first */
};

struct heap {
    struct profile *profile;
    struct heap_sites sites;
    struct heap_growth growth;
    struct heap_timeline timeline;
    struct heap_slow slow;
    struct heap_spans spans;
    MEM_ARRAY(struct heap_process) processes; /* by profile process */
    struct heap_tally tally;                  /* of tally_process */
    struct heap_process *tally_process;       /* NULL outside of heap_add() */
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
    if (site >= heap->sites.site_count) {
        heap_sites_reach(&heap->sites, heap->profile, site);
    }
    return site;
}

/* HOT. A block has begun to live: the timeline's latest bin may have a new maximum. */
static inline void heap_life_raise_timeline(struct heap *heap)
{
    heap_timeline_raise(&heap->timeline, heap->sites.live_bytes, heap->sites.live_blocks);
}

/* What is live now, before a new bin is opened. */
static inline void heap_life_tell_timeline(struct heap *heap)
{
    heap_timeline_live(&heap->timeline, heap->sites.live_bytes, heap->sites.live_blocks);
}

/* HOT. Begins a life, unless its end came first or the one before it has not ended. The block when
 * it is live now. */
struct heap_block *heap_life_begin(struct heap *heap, const struct heap_turn *turn, uint64_t birth);

/* HOT. Ends the life that a free, or the OLD half of a realloc, means; or parks it. thread: the one
 * whose event it is. */
void heap_life_end(struct heap *heap, const struct heap_turn *turn, struct heap_thread *thread);

/* The new half of a realloc takes the old block's chain over. block: NULL when it is not live. */
void heap_life_follow_realloc(struct heap *heap, struct heap_thread *thread,
                              struct heap_block *block, uint32_t site);

/* Folds a chain, which is not 0, into its site's numbers. */
void heap_life_fold_chain(struct heap *heap, uint32_t chain);

/* HOT. The chain of a block ends; 0 is none. */
static inline void heap_life_end_chain(struct heap *heap, uint32_t chain)
{
    if (__builtin_expect(chain != 0, false)) {
        heap_life_fold_chain(heap, chain);
    }
}

/* A parked event whose partner will not come. */
void heap_life_give_up(struct heap *heap, struct heap_process *process,
                       const struct heap_late_event *late);

#endif
