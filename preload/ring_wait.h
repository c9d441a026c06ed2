/*
 * ring_wait - waiting for the recorder when a ring is full, with bounds.
 * A thread sleeps until a quarter of its ring is read: 200 us, twice as long each time, at most
 * 32 ms. Where a filter forbids that, it spins for some microseconds until anything is.
 * Threads: any.   Signals: may run in a handler.   Memory: none.   Errno: never touched.
 * A recorder that makes no progress for 2 s ends all waiting of this process for good; so does one
 * that still beats but has not read this ring for 10 s.
 */
#ifndef ALLOCTRAP_RING_WAIT_H
#define ALLOCTRAP_RING_WAIT_H

#include "ring_spsc.h"

enum ring_wait_result {
    RING_WAIT_ROOM,  /* try again: the recorder has read */
    RING_WAIT_NEVER, /* do not wait: the settings say so, or waiting has ended */
    RING_WAIT_CLOSED /* the recorder has finished: stop recording */
};

/* HOT, though it may sleep. */
enum ring_wait_result ring_wait(struct ring *ring, struct session_control *control);

#endif
