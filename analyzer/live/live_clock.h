/*
 * live_clock - the clock that a recording goes by: how TSC ticks become ns of CLOCK_MONOTONIC.
 * Owner: none.   Threads: any.   Units: ns of CLOCK_MONOTONIC; costs in 1/1000 ns.
 */
#ifndef ALLOCTRAP_LIVE_CLOCK_H
#define ALLOCTRAP_LIVE_CLOCK_H

#include <stdint.h>

#include "alloctrap/session.h"

uint64_t live_clock_ns(void);
uint64_t live_clock_realtime_ns(void);

/* Now, as the session's own stamps tell it: by its rule, which drifts from CLOCK_MONOTONIC by what
 * it was measured wrong. An insane rule is CLOCK_MONOTONIC. */
uint64_t live_clock_by(const struct session_clock *rule);

/* Measures for some ms. */
void live_clock_calibrate(struct session_clock *ret);

#endif
