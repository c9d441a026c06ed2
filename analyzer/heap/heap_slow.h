/*
 * heap_slow - the PROFILE_SLOW_CALLS slowest calls of a recording. Of equally slow ones the first
 * stay. And of all slow calls that were measured, the sums of each site by cause.
 * What a call met comes before the call itself, and waits for it here.
 * Owner: the heap. Threads: one at a time. All zero is empty.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_SLOW_H
#define ALLOCTRAP_HEAP_HEAP_SLOW_H

#include <stdbool.h>

#include "heap/heap.h"
#include "heap/id_map.h"
#include "heap/profile.h"

/* Threads whose slow call may be on its way at one time; of more, some slow calls in the table have
 * no cause, the sums are whole. */
enum { HEAP_SLOW_WAITING = 64 };

struct heap_slow_met {
    uint32_t process;
    uint32_t thread;
    uint32_t path;
    uint16_t latency; /* 0 = nothing waits here */
    uint8_t call;
    uint8_t cause;
    struct session_usage usage;
};

struct heap_slow {
    struct profile_slow_call calls[PROFILE_SLOW_CALLS];
    unsigned count;
    unsigned fastest; /* once full: the one to go next */
    uint64_t from_ns; /* a call must be as slow as this: 0 until full */
    struct heap_slow_met waiting[HEAP_SLOW_WAITING];
    unsigned next_waiting;
    MEM_ARRAY(struct profile_slow_cause) causes;
    struct id_map cause_map;
};

/* HOT. Whether a call of ns would be kept. */
static inline bool heap_slow_wants(const struct heap_slow *slow, uint64_t ns)
{
    return ns >= slow->from_ns;
}

void heap_slow_add(struct heap_slow *slow, const struct profile_slow_call *call);

/* A USAGE event: what the thread's next call met. size: of its block. */
void heap_slow_met(struct heap_slow *slow, const struct heap_event *event, uint32_t site,
                   uint64_t size);
/* What a call met, if it was measured, into call->cause and call->usage. */
void heap_slow_take(struct heap_slow *slow, const struct heap_event *event,
                    struct profile_slow_call *call);

void heap_slow_finish(struct heap_slow *slow);

#endif
