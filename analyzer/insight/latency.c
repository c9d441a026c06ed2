#include "insight/latency.h"

enum { PS_PER_NS = 1000, ALL = 10000 /* of ten thousand */ };

bool latency_can_tell(uint64_t calls, unsigned per_ten_thousand)
{
    /* At least one call on average is beyond it: p50 wants 2, p99 wants 100. */
    return calls >= ALL / (ALL - per_ten_thousand);
}

uint64_t latency_net(uint64_t ns, uint64_t calls, uint64_t clock_cost_ps)
{
    uint64_t cost_ps = 0;
    if (__builtin_mul_overflow(calls, clock_cost_ps, &cost_ps)) {
        return 0; /* more than 200 days of reading the clock: no such recording is true */
    }
    uint64_t cost_ns = cost_ps / PS_PER_NS;
    return cost_ns < ns ? ns - cost_ns : 0;
}

/* A quantile, net of the clock. A bin's middle may lie above its largest value: cut there. */
static uint64_t quantile(const struct hist *hist, unsigned per_ten_thousand, uint64_t max_ns,
                         uint64_t clock_cost_ps)
{
    uint64_t ns = hist_quantile(hist, per_ten_thousand);
    return latency_net(ns < max_ns ? ns : max_ns, 1, clock_cost_ps);
}

struct latency latency_of(const struct profile_calls *calls, const struct hist *hist,
                          uint64_t clock_cost_ps)
{
    uint64_t max_ns = calls->ns_max != 0 ? calls->ns_max : hist_max(hist);
    return (struct latency){
        .count = calls->calls,
        .total_ns = latency_net(calls->ns, calls->calls, clock_cost_ps),
        .p50_ns = quantile(hist, 5000, max_ns, clock_cost_ps),
        .p90_ns = quantile(hist, 9000, max_ns, clock_cost_ps),
        .p99_ns = quantile(hist, 9900, max_ns, clock_cost_ps),
        .p999_ns = quantile(hist, 9990, max_ns, clock_cost_ps),
        .max_ns = latency_net(max_ns, 1, clock_cost_ps),
    };
}
