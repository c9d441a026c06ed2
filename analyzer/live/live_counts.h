/*
 * live_counts - the exact layer: the sessions' counters into the profile, in place of what heap/
 * derived from events; and the check that both agree.
 *
 * Of every process: events seen + events lost = allocs + frees + failed of all its rows. A thread
 * that was stopped inside a hook may have counted a call (two events at most) and not stored it.
 * Owner: the recorder.   Threads: one.
 */
#ifndef ALLOCTRAP_LIVE_COUNTS_H
#define ALLOCTRAP_LIVE_COUNTS_H

#include "heap/id_map.h"
#include "live/live_session.h"

struct live_count {
    uint32_t path; /* of the profile */
    uint8_t call;
    struct profile_calls counts;
};

struct live_ended {
    uint32_t process; /* index into profile->processes */
    struct profile_calls sum;
};

/* Counters of processes that have ended, and of nobody else. All zero is none. */
struct live_counts {
    MEM_ARRAY(struct live_ended) ended;
    MEM_ARRAY(struct live_count) rows;
    struct id_map index;
    uint64_t lost[LOSS_COUNT];
    uint64_t events_seen;
};

/* What a process counted. */
struct live_balance {
    uint64_t counted; /* events that its counters tell of */
    uint64_t seen;
    uint64_t lost;
    uint64_t in_flight_max; /* how far they may differ */
};

/* Keeps the counters of a process that has ended; call it once, after its last event was read. */
void live_counts_keep(struct live_counts *counts, struct profile *profile,
                      struct live_session *session);

/* Makes the profile's counts, losses and events_seen those of counts and the open sessions. After
 * heap_settle_unsealed(); calls profile_seal(). Idempotent. */
void live_counts_apply(const struct live_counts *counts, struct profile *profile,
                       struct live_session *const *sessions, size_t session_count);

struct live_balance live_counts_balance(const struct live_session *session);
bool live_counts_agree(const struct live_balance *balance);

void live_counts_finish(struct live_counts *counts);

#endif
