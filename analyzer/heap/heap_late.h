/*
 * heap_late - events of one process that came before what they belong to: frees of addresses that
 * are not live, and allocations of addresses that still are. They wait here, found by address, for
 * HEAP_LATE_WAIT_NS of the recording's time at most; and no more than HEAP_LATE_MAX of them: the
 * oldest is given up for the newest. A forked child frees its parent's blocks by the thousand, so
 * parking is a few stores, and memory is taken only by processes that need it.
 * Owner: whoever holds the struct; all zero is empty. Threads: one at a time.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_LATE_H
#define ALLOCTRAP_HEAP_HEAP_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"

enum { HEAP_LATE_MAX = 1024, HEAP_LATE_BUCKETS = 1024 };

#define HEAP_LATE_WAIT_NS UINT64_C(5000000000)

/* A parked event and what was known when it came. */
struct heap_late_event {
    struct heap_event event;
    uint64_t birth;     /* of an allocation: its number */
    uint64_t parked_ns; /* the recording's time when it came */
    bool is_alloc;
    bool is_waiting; /* false: it met its partner, the place is only not reused yet */
    uint16_t next;   /* + 1, in its bucket */
};

struct heap_late_table;

struct heap_late {
    struct heap_late_table *table; /* NULL until the first event is parked */
    uint32_t waiting;
};

/* Parks an event. There must be room: see heap_late_is_full(). */
void heap_late_park(struct heap_late *late, const struct heap_late_event *event);

bool heap_late_is_full(const struct heap_late *late);

/* Takes out the oldest when it was parked before `before_ns`; false when there is none. */
bool heap_late_take_oldest(struct heap_late *late, uint64_t before_ns, struct heap_late_event *ret);

/* Takes the earliest free of addr that is stamped at or after time_ns. */
bool heap_late_take_free(struct heap_late *late, uint64_t addr, uint64_t time_ns,
                         struct heap_late_event *ret);

/* The waiting allocation of addr with the latest stamp in [from_ns, until_ns], or NULL. */
struct heap_late_event *heap_late_alloc(const struct heap_late *late, uint64_t addr,
                                        uint64_t from_ns, uint64_t until_ns);

/* Takes the waiting allocation of addr with the earliest stamp at or after time_ns. */
bool heap_late_take_alloc(struct heap_late *late, uint64_t addr, uint64_t time_ns,
                          struct heap_late_event *ret);

/* Marks what heap_late_alloc() found as no longer waiting. */
void heap_late_release(struct heap_late *late, struct heap_late_event *event);

/* Frees that wait now: not known to be of a block of this process. */
uint64_t heap_late_frees(const struct heap_late *late);

void heap_late_finish(struct heap_late *late);

#endif
