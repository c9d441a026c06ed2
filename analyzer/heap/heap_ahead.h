/*
 * heap_ahead - asks the cache for what the next events of a batch will need, one step after the
 * other along what leads to it: the index of blocks and then the record that it names (heap.c does
 * these itself); and, where call sites are too many for the cache, the path, the site that it
 * names, the site where a block was born, and the counters of histograms. Not for: results. What it
 * finds may be wrong by the time that an event's turn comes; nothing but the speed of heap_add()
 * depends on it. Owner: heap_add(), for one batch. Threads: one at a time. Memory: none.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_AHEAD_H
#define ALLOCTRAP_HEAP_HEAP_AHEAD_H

#include "heap/heap_life.h"

/* How many events lie between asking for something and needing it, or what it leads to. */
enum {
    HEAP_AHEAD_INDEX = 16,
    HEAP_AHEAD_RECORD = 8,
    HEAP_AHEAD_TURNS = 32,
    /* Where the caches next to a core do not do any more. */
    HEAP_AHEAD_SITES_MANY = 1024, /* 192 KiB and what belongs to them */
    HEAP_AHEAD_BLOCKS_MANY = 8192 /* 320 KiB, and 256 for the index */
};

struct heap_ahead {
    const struct heap *heap;
    const struct heap_event *events;
    struct heap_turn *turns; /* of event n: n % HEAP_AHEAD_TURNS */
    size_t count;            /* of events */
};

/* HOT. The event at `at` is next; the turns of those up to HEAP_AHEAD_INDEX behind it are begun. */
void heap_ahead_sites(const struct heap_ahead *batch, size_t at);

#endif
