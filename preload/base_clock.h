/*
 * base_clock - the time of events: ns of CLOCK_MONOTONIC, by way of the TSC where that is sound.
 * Owner:   set once at start from the session's control file, then read by all threads.
 * Units:   ticks are TSC cycles or ns; only clock_to_ns() makes them comparable with other clocks.
 * Errno:   never touched (the vDSO fails never for CLOCK_MONOTONIC).
 */
#ifndef ALLOCTRAP_BASE_CLOCK_H
#define ALLOCTRAP_BASE_CLOCK_H

#include "alloctrap/session.h"

#include <x86intrin.h>

extern struct session_clock clock_now_by;

/* COLD. Clocks by this rule from now on; a TSC rule that cannot be used is MONOTONIC. */
void clock_use(const struct session_clock *rule);
/* COLD. Measures for 2 ms; TSC only where the kernel itself keeps time by it. */
void clock_calibrate(struct session_clock *ret_rule);
/* HOT. ns of CLOCK_MONOTONIC by the vDSO. */
uint64_t clock_monotonic_ns(void);
/* COLD. ns since 1970. */
uint64_t clock_realtime_ns(void);

__extension__ typedef __int128 clock_product;

/* HOT. */
static inline uint64_t clock_ticks(void)
{
    return clock_now_by.kind == SESSION_CLOCK_TSC ? __rdtsc() : clock_monotonic_ns();
}

/* HOT. A tick count of before the rule's base gives a time of before its base. */
static inline uint64_t clock_to_ns(uint64_t ticks)
{
    if (clock_now_by.kind != SESSION_CLOCK_TSC) {
        return ticks;
    }
    clock_product product = (clock_product)(int64_t)(ticks - clock_now_by.base_ticks) *
                            (clock_product)clock_now_by.mult;
    return clock_now_by.base_ns + (uint64_t)(int64_t)(product >> 32);
}

#endif
