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
/* Of the readings around calls: the kind of the clock, or one that no clock has where there are
 * none. One look at it tells a hook both. */
LOCAL extern uint32_t clock_calls_by;
/* Of the TSC: fewer ticks than these are a call that is not slow. */
LOCAL extern uint64_t clock_slow_ticks;

/* COLD. Clocks by this rule from now on; a TSC rule that cannot be used is MONOTONIC. */
void clock_use(const struct session_clock *rule);
/* COLD. Whether calls are timed; they are not to begin with. */
void clock_time_calls(bool are_timed);
/* COLD. The processor's clock may not be read any more: each tick is 1 ns after the last one. */
void clock_stop(void);
/* COLD. Measures a rule, for some ms, and uses it. */
void clock_calibrate(struct session_clock *ret_rule);
/* HOT. ns of CLOCK_MONOTONIC by the vDSO. */
uint64_t clock_monotonic_ns(void);
/* COLD. ns since 1970. */
uint64_t clock_realtime_ns(void);

/* HOT. */
static inline uint64_t clock_tsc(void)
{
    return __rdtsc();
}

/* HOT. */
static inline uint64_t clock_ticks(void)
{
    return clock_now_by.kind == SESSION_CLOCK_TSC ? clock_tsc() : clock_monotonic_ns();
}

/* HOT. Calls are timed, and by the TSC: by clock_tsc(). */
static inline bool clock_times_calls_by_tsc(void)
{
    return clock_calls_by == SESSION_CLOCK_TSC;
}

/* HOT. */
static inline uint64_t clock_to_ns(uint64_t ticks)
{
    return clock_rule_ns(&clock_now_by, ticks);
}

/* HOT. Where clock_times_calls_by_tsc(). */
static inline uint64_t clock_tsc_to_ns(uint64_t ticks)
{
    return clock_now_by.base_ns +
           (uint64_t)clock_rule_scale(&clock_now_by, ticks - clock_now_by.base_ticks);
}
/* HOT. The same of a span below clock_slow_ticks: the product has 64 bits then. */
static inline uint64_t clock_tsc_quick_ns(uint64_t span_ticks)
{
    return span_ticks * clock_now_by.mult >> 32;
}

/* HOT. ns between two tick counts, the later one first; 0 when it is not: the thread moved to a
 * processor whose TSC is behind. */
static inline uint64_t clock_span_ns(uint64_t end_ticks, uint64_t start_ticks)
{
    return end_ticks > start_ticks ? clock_rule_span_ns(&clock_now_by, end_ticks - start_ticks) : 0;
}

#endif
