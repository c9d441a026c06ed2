#include "insight/latency.h"

enum { PS_PER_NS = 1000 };

uint64_t latency_net(uint64_t ns, uint64_t calls, uint64_t clock_cost_ps)
{
    uint64_t cost_ps = 0;
    if (__builtin_mul_overflow(calls, clock_cost_ps, &cost_ps)) {
        return 0; /* more than 200 days of reading the clock: no such recording is true */
    }
    uint64_t cost_ns = cost_ps / PS_PER_NS;
    return cost_ns < ns ? ns - cost_ns : 0;
}

struct latency latency_of(const struct profile_calls *calls, const struct hist *hist,
                          uint64_t clock_cost_ps)
{
    uint64_t max_ns = calls->ns_max != 0 ? calls->ns_max : hist_max(hist);
    return (struct latency){
        .count = calls->calls,
        .total_ns = latency_net(calls->ns, calls->calls, clock_cost_ps),
        .p50_ns = latency_net(hist_quantile(hist, 5000), 1, clock_cost_ps),
        .p90_ns = latency_net(hist_quantile(hist, 9000), 1, clock_cost_ps),
        .p99_ns = latency_net(hist_quantile(hist, 9900), 1, clock_cost_ps),
        .p999_ns = latency_net(hist_quantile(hist, 9990), 1, clock_cost_ps),
        .max_ns = latency_net(max_ns, 1, clock_cost_ps),
    };
}
