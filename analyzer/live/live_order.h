/*
 * live_order - the events of many rings as one stream in order of their stamps.
 * A k-way merge with a hold-back: events of the last moment stay in their rings until the next
 * pass, because a thread that is still inside a hook may have an older one. What comes later still
 * is heap/'s to put right.
 * Owner: the recorder.   Threads: one.   Units: ns of CLOCK_MONOTONIC.
 */
#ifndef ALLOCTRAP_LIVE_ORDER_H
#define ALLOCTRAP_LIVE_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "live/live_session.h"

enum {
    LIVE_ORDER_HOLD_NS = 1000000,     /* a preempted thread is late more often than this */
    LIVE_ORDER_HOLD_SHORT_NS = 50000, /* while a ring is more than half full */
    LIVE_ORDER_RUN_MAX = 4096
};

/* Gets runs of events of one ring, in order; ring->head is already behind them. */
typedef void (*live_order_run)(void *context, struct live_ring *ring,
                               const struct session_event *events, size_t count);

struct live_order {
    struct live_cursor *cursors; /* a heap by the stamp of each ring's next event */
    size_t count;
    size_t room;
};

/* Adds a ring to the next merge; its events stamped after horizon_ns stay. */
void live_order_add(struct live_order *order, struct live_ring *ring, uint64_t horizon_ns);

/* Merges what was added, and forgets it. Returns the number of events passed on. */
uint64_t live_order_merge(struct live_order *order, live_order_run run, void *context);

/* True when more than half of the ring is unread. */
bool live_order_is_pressed(const struct live_ring *ring);

void live_order_finish(struct live_order *order);

#endif
