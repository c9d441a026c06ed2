/*
 * heap_growth - chains of blocks that replace each other growing: s += piece, push_back, realloc.
 * Holds the open chains of all processes; a block names its chain by number (0 = none). A chain
 * belongs to the site of its latest block and is folded into that site's numbers when it ends.
 * Owner: the heap. Threads: one at a time. Units: bytes.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_GROWTH_H
#define ALLOCTRAP_HEAP_HEAP_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "heap/profile.h"

enum heap_growth_way { HEAP_GROWTH_BY_COPY, HEAP_GROWTH_MOVED, HEAP_GROWTH_IN_PLACE };

struct heap_chain {
    uint64_t first_bytes;
    uint64_t last_bytes;
    uint64_t copied_bytes;
    uint64_t steps; /* 0 = this place is free */
    uint64_t by_copy_steps;
    uint64_t geometric_steps;
    uint64_t in_place_steps;
    uint64_t in_place_bytes;
    uint32_t site; /* of the latest block; while free: the next free place */
};

/* All zero is empty. */
struct heap_growth {
    MEM_ARRAY(struct heap_chain) chains; /* item 0 is none */
    uint32_t free_chain;
    uint64_t refused; /* steps that found HEAP_BLOCK_CHAIN_MAX chains open: not followed */
};

/* A block that grew: from old_bytes to new_bytes, now at site. chain 0 begins one. Returns the
 * chain, or 0 when there is no room to follow one more. */
uint32_t heap_growth_step(struct heap_growth *growth, uint32_t chain, uint32_t site,
                          uint64_t old_bytes, uint64_t new_bytes, enum heap_growth_way way);

/* A block of a chain was replaced by one that is not larger: no step, but the chain goes on. */
void heap_growth_keep(struct heap_growth *growth, uint32_t chain, uint32_t site,
                      uint64_t new_bytes);

/* Adds numbers of long chains. */
void heap_growth_add_longs(struct profile_long *into, const struct profile_long *from);

/* Adds growth to growth, last sizes too. */
void heap_growth_add(struct profile_growth *into, const struct profile_growth *from);

/* Adds a chain to its site's numbers. */
void heap_growth_fold(const struct heap_chain *chain, struct profile_growth *into);

/* Forgets a chain; its number may be used again. */
void heap_growth_drop(struct heap_growth *growth, uint32_t chain);

void heap_growth_finish(struct heap_growth *growth);

#endif
