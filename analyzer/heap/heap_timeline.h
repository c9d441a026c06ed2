/*
 * heap_timeline - what happened when: at most PROFILE_TIMELINE_BINS bins, which double in width
 * (pairs of bins become one) when the time runs past their end. Starts with bins of 1 ms.
 * Owner: the heap. Threads: one at a time. Units: ns since the recording's start, bytes.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_TIMELINE_H
#define ALLOCTRAP_HEAP_HEAP_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/profile.h"

#define HEAP_TIMELINE_FIRST_NS UINT64_C(1000000)

struct heap_timeline {
    struct profile_bin *bins; /* PROFILE_TIMELINE_BINS */
    uint64_t bin_ns;
    uint32_t bin_count;       /* up to the latest time seen */
    struct profile_bin *last; /* the latest bin, its start and its width */
    uint64_t from_ns;
    uint64_t span_ns;
    uint64_t live_bytes; /* now: what a new bin starts with */
    uint64_t live_blocks;
    uint64_t rss_bytes; /* sum over processes of the last sample */
};

void heap_timeline_init(struct heap_timeline *timeline);
void heap_timeline_finish(struct heap_timeline *timeline);

/* What heap_timeline_bin() does outside the latest bin; a new bin begins with what is live. */
struct profile_bin *heap_timeline_find(struct heap_timeline *timeline, uint64_t time_ns);

/* HOT. Whether a time lies in the latest bin. */
static inline bool heap_timeline_is_last(const struct heap_timeline *timeline, uint64_t time_ns)
{
    return time_ns - timeline->from_ns < timeline->span_ns;
}

/* HOT. The bin of a time; good until the next call. */
static inline struct profile_bin *heap_timeline_bin(struct heap_timeline *timeline,
                                                    uint64_t time_ns)
{
    return heap_timeline_is_last(timeline, time_ns) ? timeline->last
                                                    : heap_timeline_find(timeline, time_ns);
}

/* HOT. What is live from now on. Lives are told as they come: they count in the latest bin. */
static inline void heap_timeline_live(struct heap_timeline *timeline, uint64_t bytes,
                                      uint64_t blocks)
{
    timeline->live_bytes = bytes;
    timeline->live_blocks = blocks;
    struct profile_bin *bin = timeline->last;
    if (bytes > bin->live_bytes) {
        bin->live_bytes = bytes;
        bin->live_blocks = blocks;
    }
}

/* The resident size of all processes together, from time_ns on, and page faults since the last
 * sample. */
void heap_timeline_sample(struct heap_timeline *timeline, uint64_t time_ns, uint64_t rss_bytes,
                          uint64_t faults);

/* Adds a bin's numbers to another's: counts add, levels keep the higher. */
void heap_timeline_add_bin(struct profile_bin *into, const struct profile_bin *from);

#endif
