/*
 * live_pace - how long the recorder may sleep between two passes. It comes back before a ring that
 * fills as it did lately is a quarter full, so that no thread waits for it; where hardly anything
 * comes, after a millisecond, and where nothing comes, ever later.
 * Owner:   the recorder.   Threads: one.   Units: ns.
 */
#ifndef ALLOCTRAP_LIVE_PACE_H
#define ALLOCTRAP_LIVE_PACE_H

#include <stdint.h>

#include "live/live_session.h"

enum {
    LIVE_PACE_BUSY = 4096, /* a pass that found so many events is followed by another at once */
    LIVE_PACE_LEAST_NS = 100000,
    LIVE_PACE_USUAL_NS = 1000000,
    LIVE_PACE_IDLE_NS = 10000000
};

/* All zero is a beginning. */
struct live_pace {
    uint64_t looked_ns;  /* the last look at all rings */
    uint64_t since_ns;   /* the time between that and the one before */
    uint64_t quarter_ns; /* that the fastest ring takes to fill a quarter; 0: none is known */
    uint64_t nap_ns;     /* the last one */
};

/* A look at all rings begins: live_pace_see() each of them. */
void live_pace_look(struct live_pace *pace, uint64_t now_ns);
/* The ring's tail has just been read. */
void live_pace_see(struct live_pace *pace, const struct live_ring *ring);
/* After a pass that found so many events: the sleep until the next one; 0: none. */
uint64_t live_pace_nap_ns(struct live_pace *pace, uint64_t passed);

#endif
