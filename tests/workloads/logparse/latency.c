#include "latency.h"

void latency_add(struct latency *latency, uint64_t batch_ns)
{
    latency->batches++;
    latency->counts[loglin_code(batch_ns)]++;
    if (batch_ns > latency->max_ns) {
        latency->max_ns = batch_ns;
    }
}

uint64_t latency_percentile(const struct latency *latency, unsigned permyriad)
{
    /* The rank is rounded up: of 3 batches the second is the median, of 4 it is the second too. */
    uint64_t rank = (latency->batches * permyriad + 9999) / 10000;
    uint64_t seen = 0;
    for (uint16_t code = 0; code < LOGLIN_CODES && latency->batches > 0; code++) {
        seen += latency->counts[code];
        if (seen >= rank && seen > 0) {
            uint64_t value_ns = loglin_value(code);
            return value_ns < latency->max_ns ? value_ns : latency->max_ns;
        }
    }
    return 0;
}
