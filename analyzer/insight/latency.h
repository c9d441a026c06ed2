/*
 * latency - how long calls took: one line of percentiles, the clock's own cost taken off.
 * Units: ns; the clock's cost in picoseconds for one reading, one reading a call.
 */
#ifndef ALLOCTRAP_INSIGHT_LATENCY_H
#define ALLOCTRAP_INSIGHT_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/hist.h"
#include "heap/profile.h"

struct latency {
    uint64_t count; /* calls, exact */
    uint64_t total_ns;
    uint64_t p50_ns;
    uint64_t p90_ns;
    uint64_t p99_ns;
    uint64_t p999_ns;
    uint64_t max_ns;
};

/* calls from the counters; hist of the events seen: empty gives percentiles of 0. */
struct latency latency_of(const struct profile_calls *calls, const struct hist *hist,
                          uint64_t clock_cost_ps);

/* Whether so many calls can have this percentile: p99 of 3 calls would be their maximum. */
bool latency_can_tell(uint64_t calls, unsigned per_ten_thousand);

/* ns of `calls` calls without the clock's cost; never below 0. */
uint64_t latency_net(uint64_t ns, uint64_t calls, uint64_t clock_cost_ps);

#endif
