/*
 * heap - the aggregator: events in order of time -> profile. Both ways in end here: live rings and
 * traces. Knows blocks, lives, peak, temporaries, pairs, growth chains; nothing of files.
 *
 * Events may come slightly out of order (docs/concepts.md, "order"): an allocation of an address
 * that is still live waits for the missing free; a free of an unknown address waits for an
 * allocation stamped at or before it; both are counted as late when they meet. What does not meet
 * within 5 s of the recording's time (or while 1024 younger ones wait in its process) is an unknown
 * free, or a life ended by the next one. Lives that were put right afterwards do not enter the
 * peak.
 *
 * What is a call: every event is one, but for the two halves of a realloc that moved or resized a
 * block: its OLD half ends the old block and is no call; its new half is the call. An event with
 * OLD and NULL is a realloc-to-zero that freed: a call by itself, which ends a block. FAILED events
 * are calls that end and begin nothing, and so are those with NULL alone. THREAD events are no
 * calls: they reset what is known of the thread that had the slot. NOTE and USAGE events are none
 * either: what the program says, and what the kernel says of the call that comes next.
 *
 * Counts, bytes and times are those of the events; latencies are exact to 1.5 %. Whoever has exact
 * counters sets site_calls, calls and totals after heap_settle() and seals again; the heap keeps
 * its own numbers and writes the profile only in heap_settle().
 */
#ifndef ALLOCTRAP_HEAP_HEAP_H
#define ALLOCTRAP_HEAP_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

/* One event, as rings and traces give it, its path already one of the profile's. 48 bytes. */
struct heap_event {
    uint64_t time_ns; /* since the recording's start: a free's start, an allocation's end */
    uint64_t addr;
    uint64_t size;    /* requested bytes */
    uint32_t path;    /* profile path id */
    uint32_t sp;      /* the caller's stack position, as in session_event */
    uint32_t process; /* index into profile->processes */
    uint32_t thread;  /* unique in its process: slot | generation << 12 */
    uint32_t tid;
    uint16_t latency; /* loglin code of ns */
    uint8_t call;
    uint8_t flags; /* enum session_event_flag */
};
_Static_assert(sizeof(struct heap_event) == 48, "traces hold this layout");

/* Half of a realloc that goes on: its new half comes next from the same thread. */
static inline bool heap_event_is_old_half(const struct heap_event *event)
{
    return (event->flags & (SESSION_EVENT_OLD | SESSION_EVENT_NULL)) == SESSION_EVENT_OLD;
}

/* A call that begins and ends no block. */
static inline bool heap_event_is_idle(const struct heap_event *event)
{
    return (event->flags & SESSION_EVENT_FAILED) != 0 ||
           (event->flags & (SESSION_EVENT_OLD | SESSION_EVENT_NULL)) == SESSION_EVENT_NULL;
}

struct heap;

/* The profile is borrowed and filled as events come; it outlives the heap. */
struct heap *heap_create(struct profile *profile);

/* Events of all processes, in order of time as far as they can be. HOT: best in batches of
 * hundreds. Events of a process that profile->processes does not have, or of no known call, are
 * ignored; an unknown path counts for site 0. */
void heap_add(struct heap *heap, const struct heap_event *events, size_t count);

/* A process is gone (or replaced by exec): what it still holds is live at end. Its address space is
 * dropped. Call it once for each process, after its last event. */
void heap_process_ended(struct heap *heap, uint32_t process);

/* A sample of the machine's view of a process, for the timeline: what is resident now, and all page
 * faults of the process so far. */
void heap_sample(struct heap *heap, uint64_t time_ns, uint32_t process, uint64_t rss_bytes,
                 uint64_t faults);

/* What is live now, and the peak so far. */
struct heap_level {
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t peak_bytes;
};
struct heap_level heap_level(const struct heap *heap);

/* Writes what is still open (live blocks, peak shares, chains) into the profile as of now, without
 * ending anything: for checkpoints, and at the end. Calls profile_seal(). Idempotent. */
void heap_settle(struct heap *heap);

/* The same for who has more to write before profile_seal(). */
void heap_settle_unsealed(struct heap *heap);

void heap_destroy(struct heap *heap);

#endif
