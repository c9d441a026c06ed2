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

/* Measures for 10 ms. The TSC only where the kernel itself keeps time by it. */
void live_clock_calibrate(struct session_clock *ret);

#endif
