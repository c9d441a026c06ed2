/*
 * heap_spans - what happened between marks and within phases: for each, each site and each function
 * its calls. Costs nothing while a program tells none.
 *
 * A mark is a moment of all threads of a recording: an event belongs to the last mark at or before
 * its own time. A phase is the telling thread's own: an event belongs to every phase that is open
 * in its thread (once, where one is open twice). While a thread is paused its events belong to the
 * pause alone.
 * Bounded: PROFILE_MARKS_MAX marks (the last one takes the rest), 64 names of each kind,
 * PROFILE_SPAN_CALLS_MAX rows (beyond them a span's row of site 0).
 * Owner: the heap. Threads: one at a time. Units: ns since the recording's start.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_SPANS_H
#define ALLOCTRAP_HEAP_HEAP_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "heap/heap.h"
#include "heap/heap_site.h"
#include "heap/id_map.h"

enum { HEAP_SPANS_OPEN_MAX = 16 };

struct heap_span_call {
    uint32_t span;
    uint32_t site;
    uint8_t call;
    uint64_t bytes;
    struct heap_hist latency;
    struct heap_odd odd;
};

/* A phase that is open in a thread. */
struct heap_span_open {
    uint32_t span;
    uint64_t since_ns;
};

struct heap_span_thread {
    uint32_t process;
    uint32_t id;
    uint32_t open_count;
    struct heap_span_open open[HEAP_SPANS_OPEN_MAX];
    /* What its events count for, but for the mark: its pause alone, or each open span once. */
    bool is_paused;
    uint32_t span_count;
    uint32_t spans[HEAP_SPANS_OPEN_MAX];
};

struct heap_spans {
    bool is_used;
    MEM_ARRAY(struct profile_span) spans; /* names are the profile's */
    MEM_ARRAY(uint32_t) marks;            /* spans of marks, in the order of time */
    MEM_ARRAY(struct heap_span_thread) threads;
    MEM_ARRAY(struct heap_span_call) calls;
    MEM_ARRAY(uint32_t) last_calls_1; /* by site: the call that it had last, + 1; 0 = none */
    uint32_t last_thread;             /* whose event came last */
    struct id_map phase_map;          /* kind, note -> span */
    struct id_map thread_map;         /* process, thread -> threads */
    struct id_map call_map;           /* span, site and call -> calls */
};

/* A program says something. */
void heap_spans_note(struct heap_spans *spans, const struct profile *profile,
                     const struct heap_event *event);

/* HOT. Adds what an event added to its site's counts to the spans that it belongs to: bytes, and
 * the rest where it has flags; odd is NULL where it has none. */
void heap_spans_count(struct heap_spans *spans, const struct heap_event *event, uint32_t site,
                      uint64_t bytes, const struct profile_calls *odd,
                      struct heap_hist_budget *budget);

/* Writes spans and span_calls into the profile: replaces. Phases that are open go on. */
void heap_spans_settle(const struct heap_spans *spans, struct profile *profile);

void heap_spans_finish(struct heap_spans *spans);

#endif
