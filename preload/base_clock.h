/*
 * base_clock - the time of events: ns of CLOCK_MONOTONIC, by way of the TSC where that is sound.
 * Owner:   set once at start from the session's control file, then read by all threads.
 * Units:   ticks are TSC cycles or ns; only clock_to_ns() makes them comparable with other clocks.
 * Errno:   never touched (the vDSO fails never for CLOCK_MONOTONIC).
 */
#ifndef ALLOCTRAP_BASE_CLOCK_H
#define ALLOCTRAP_BASE_CLOCK_H

#include "alloctrap/clock_rule.h"
#include "base_local.h"

LOCAL extern struct session_clock clock_now_by;

/* COLD. Clocks by this rule from now on; a TSC rule that cannot be used is MONOTONIC. */
void clock_use(const struct session_clock *rule);
/* COLD. The processor's clock may not be read any more: each tick is 1 ns after the last one. */
void clock_stop(void);
/* COLD. Measures a rule, for some ms, and uses it. */
void clock_calibrate(struct session_clock *ret_rule);
/* HOT. ns of CLOCK_MONOTONIC by the vDSO. */
uint64_t clock_monotonic_ns(void);
/* COLD. ns since 1970. */
uint64_t clock_realtime_ns(void);

/* HOT. */
static inline uint64_t clock_ticks(void)
{
    return clock_now_by.kind == SESSION_CLOCK_TSC ? __rdtsc() : clock_monotonic_ns();
}

/* HOT. */
static inline uint64_t clock_to_ns(uint64_t ticks)
{
    return clock_rule_ns(&clock_now_by, ticks);
}

/* HOT. ns between two tick counts, the later one first; 0 when it is not: the thread moved to a
 * processor whose TSC is behind. */
static inline uint64_t clock_span_ns(uint64_t end_ticks, uint64_t start_ticks)
{
    return end_ticks > start_ticks ? clock_rule_span_ns(&clock_now_by, end_ticks - start_ticks) : 0;
}

#endif
