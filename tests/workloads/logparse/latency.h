/*
 * latency - how long each batch of lines took, as a log-linear histogram: percentiles within
 * 1.6 % from 30 kB of memory, however many lines there were.
 * Threads: one.   Memory: none beyond the struct.   Units: ns.
 */
#ifndef LATENCY_H
#define LATENCY_H

#include <alloctrap/loglin.h>
#include <stdint.h>

enum { LATENCY_BATCH_LINES = 100 };

struct latency {
    uint64_t batches;
    uint64_t max_ns;
    uint64_t counts[LOGLIN_CODES];
};

void latency_add(struct latency *latency, uint64_t batch_ns);

/* The time that permyriad of 10,000 batches do not exceed (9990 = p99.9); 0 when there are none. */
uint64_t latency_percentile(const struct latency *latency, unsigned permyriad);

#endif
