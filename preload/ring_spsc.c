#include "ring_spsc.h"

#include "link_session.h"

enum {
    BIG_PLACES = 8,
    BIG_EVENTS = 32 << 10,
    MIDDLE_PLACES = 64,
    MIDDLE_EVENTS = 16 << 10,
    SMALL_EVENTS = 2 << 10
};

uint32_t ring_size_for(uint32_t index)
{
    if (index < BIG_PLACES) {
        return BIG_EVENTS;
    }
    return index < MIDDLE_PLACES ? MIDDLE_EVENTS : SMALL_EVENTS;
}

void ring_init(struct ring *ring, struct session_head *head, struct session_thread *place)
{
    uint64_t tail = atomic_load_explicit(&place->ring_tail, memory_order_relaxed);
    *ring = (struct ring){.head = head, .place = place, .limit = tail};
    uint64_t off = atomic_load_explicit(&place->ring_off, memory_order_relaxed);
    if (off != 0) {
        ring->events = link_at(head, off);
        ring->size = atomic_load_explicit(&place->ring_events, memory_order_relaxed);
        ring->mask = ring->size - 1;
    }
}

static bool has_room(struct ring *ring, uint64_t tail, uint32_t count)
{
    if (tail + count - ring->place->ring_head_seen <= ring->size) {
        return true;
    }
    /* Acquire; pairs with the consumer's release: it has read what we are about to overwrite. */
    uint64_t seen = atomic_load_explicit(&ring->place->ring_head, memory_order_acquire);
    if (tail - seen > ring->size) {
        return false; /* no honest consumer is ahead of the producer */
    }
    ring->place->ring_head_seen = seen;
    return tail + count - seen <= ring->size;
}

/* The pages of the next events; false when the file system has none. */
static bool touch(const struct ring *ring, uint64_t at)
{
    uint64_t left = ring->size - at;
    uint64_t count = left < RING_TOUCH_EVENTS ? left : RING_TOUCH_EVENTS;
    uint64_t off = (uint64_t)((const char *)&ring->events[at] - (const char *)ring->head);
    return link_touch(ring->head, off, count * sizeof *ring->events);
}

/* How far one may push without a look at the consumer or at fresh pages. */
static uint64_t limit_at(const struct ring *ring, uint64_t tail)
{
    uint64_t full = ring->place->ring_head_seen + ring->size;
    uint64_t touch = (tail + RING_TOUCH_EVENTS - 1) / RING_TOUCH_EVENTS * RING_TOUCH_EVENTS;
    return touch <= ring->mask && touch < full ? touch : full;
}

bool ring_push(struct ring *ring, const struct session_event *events, uint32_t count)
{
    /* Relaxed: ours alone to write. */
    uint64_t tail = atomic_load_explicit(&ring->place->ring_tail, memory_order_relaxed);
    ring->limit = 0; /* ring_has_room() says no until all below has gone well */
    if (ring->events == NULL || !has_room(ring, tail, count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = tail + i;
        if (at % RING_TOUCH_EVENTS == 0 && at <= ring->mask && !touch(ring, at)) {
            ring->events = NULL; /* no memory for more of it: nothing is stored any more */
            ring->size = 0;
            ring->limit = tail;
            return false;
        }
        ring->events[at & ring->mask] = events[i];
    }
    /* Release; pairs with the consumer's acquire: no tail is seen before the events under it. */
    atomic_store_explicit(&ring->place->ring_tail, tail + count, memory_order_release);
    ring->limit = limit_at(ring, tail + count);
    return true;
}
