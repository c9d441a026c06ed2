/*
 * heap_slow - the PROFILE_SLOW_CALLS slowest calls of a recording. Of equally slow ones the first
 * stay. Owner: the heap. Threads: one at a time. All zero is empty.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_SLOW_H
#define ALLOCTRAP_HEAP_HEAP_SLOW_H

#include <stdbool.h>

#include "heap/profile.h"

struct heap_slow {
    struct profile_slow_call calls[PROFILE_SLOW_CALLS];
    unsigned count;
    unsigned fastest; /* once full: the one to go next */
    uint64_t from_ns; /* a call must be as slow as this: 0 until full */
};

/* HOT. Whether a call of ns would be kept. */
static inline bool heap_slow_wants(const struct heap_slow *slow, uint64_t ns)
{
    return ns >= slow->from_ns;
}

void heap_slow_add(struct heap_slow *slow, const struct profile_slow_call *call);

#endif
