/*
 * ring_spsc - one thread's queue of events, filled by its hooks, emptied by the recorder.
 * Not for: several producers, waiting (that is ring_wait). A full ring refuses.
 * Owner:   the thread whose place it is; the consumer is another process.
 * Threads: one producer, one consumer.   Signals: hook_guard turns nested hooks away.
 * Memory:  the session's.   Errno: never touched.   Units: events, a power of two.
 */
#ifndef ALLOCTRAP_RING_SPSC_H
#define ALLOCTRAP_RING_SPSC_H

#include "alloctrap/session.h"

#include <stddef.h>

/* The producer's view. */
struct ring {
    struct session_head *head;
    struct session_thread *place;
    struct session_event *events; /* NULL: no memory for a ring; every push is refused */
    uint64_t mask;
    uint64_t size;  /* mask + 1; 0 without events */
    uint64_t limit; /* from this tail on ring_push() must look: full, or pages to be touched */
};

enum {
    RING_TOUCH_EVENTS = 2 << 10 /* the pages of so many are touched at once, before their use */
};

/* COLD. Events of the ring of place number `index`: most programs have few threads. */
uint32_t ring_size_for(uint32_t index);
/* COLD. Takes up the ring of a place, which may hold unread events of a former owner. */
void ring_init(struct ring *ring, struct session_head *head, struct session_thread *place);
/* HOT. Stores all of them or none; the caller waits or counts the loss. */
bool ring_push(struct ring *ring, const struct session_event *events, uint32_t count);

/* HOT. The number of the next event; relaxed: ours alone to write. */
static inline uint64_t ring_next(const struct ring *ring)
{
    return atomic_load_explicit(&ring->place->ring_tail, memory_order_relaxed);
}

/* HOT. There is room for the event of that number, by no more than a look at our own copy of the
 * head; false: ring_push() may find some. */
static inline bool ring_has_room(const struct ring *ring, uint64_t next)
{
    return __builtin_expect(next < ring->limit, true);
}

/* HOT. ring_push() of the event of that number, for which there is room. */
static inline void ring_push_next(struct ring *ring, uint64_t next,
                                  const struct session_event *event)
{
    ring->events[next & ring->mask] = *event;
    /* Release; pairs with the consumer's acquire: no tail is seen before the event under it. */
    atomic_store_explicit(&ring->place->ring_tail, next + 1, memory_order_release);
}

#endif
