/*
 * stretch - stretches of code, each of an owner, and which of them holds an address: a sorted list
 * searched by halves, where stretches may lie within each other.
 * Owner: the caller, stretches_finish(). Threads: one at a time. Memory: 32 bytes a stretch.
 */
#ifndef ALLOCTRAP_SYMBOL_STRETCH_H
#define ALLOCTRAP_SYMBOL_STRETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct stretch {
    uint64_t low;
    uint64_t high;  /* the first address behind it */
    uint64_t reach; /* the highest `high` of this stretch and those before it */
    size_t owner;   /* what the caller numbers its units, functions or symbols by */
};

/* All zero is empty. */
struct stretches {
    MEM_ARRAY(struct stretch) list; /* by low once it is sorted */
};

void stretches_add(struct stretches *stretches, uint64_t low, uint64_t high, size_t owner);

/* After the last one was added. */
void stretches_sort(struct stretches *stretches);

/* The stretch around address that begins last; of several of them the shortest; of several copies
 * that of the lowest owner. NULL = none. */
const struct stretch *stretches_find(const struct stretches *stretches, uint64_t address);
void stretches_finish(struct stretches *stretches);

#endif
