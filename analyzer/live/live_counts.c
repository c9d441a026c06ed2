#include "live/live_counts.h"

#include <stdlib.h>
#include <string.h>

#include "live/live_paths.h"

/* A call that was counted and whose events were not stored yet: realloc has two. */
enum { EVENTS_PER_CALL = 2 };

static uint64_t load(const _Atomic uint64_t *counter)
{
    /* Relaxed: each counter is exact by itself; a row is read while its owner writes. */
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static struct profile_calls read_row(const struct session_row *row)
{
    return (struct profile_calls){.calls = load(&row->calls),
                                  .allocs = load(&row->allocs),
                                  .frees = load(&row->frees),
                                  .failed = load(&row->failed),
                                  .bytes = load(&row->bytes),
                                  .ns = load(&row->ns),
                                  .ns_max = load(&row->ns_max)};
}

struct row_reader {
    struct live_counts *counts;
    struct profile *profile;
    struct live_session *session;
    struct profile_calls sum;
};

static struct profile_calls *kept_row(struct live_counts *counts, uint32_t path, uint8_t call)
{
    uint32_t id = id_map_find(&counts->index, path, call);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)counts->rows.count;
        struct live_count *row = MEM_PUSH(&counts->rows);
        row->path = path;
        row->call = call;
        id_map_put(&counts->index, path, call, id);
    }
    return &counts->rows.at[id].counts;
}

static void keep_row(void *context, const struct session_row *row)
{
    struct row_reader *reader = context;
    struct profile_calls counts = read_row(row);
    uint8_t call = row->call;
    if (call < CALL_COUNT && counts.calls != 0) {
        uint32_t path = live_path(reader->session, reader->profile, row->path);
        profile_calls_add(&reader->sum, &counts);
        profile_calls_add(kept_row(reader->counts, path, call), &counts);
    }
}

void live_counts_keep(struct live_counts *counts, struct profile *profile,
                      struct live_session *session)
{
    struct row_reader reader = {.counts = counts, .profile = profile, .session = session};
    uint64_t lost[LOSS_COUNT];
    live_session_rows(session, keep_row, &reader);
    live_session_lost(session, lost);
    for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
        counts->lost[cause] += lost[cause];
    }
    counts->events_seen += session->events_seen;
    *MEM_PUSH(&counts->ended) = (struct live_ended){session->process, reader.sum};
}

static void apply_counts(struct profile *profile, uint32_t path, uint8_t call,
                         const struct profile_calls *counts)
{
    uint32_t site = profile_site(profile, path);
    profile_calls_add(&profile_site_call(profile, site, call)->counts, counts);
    profile_calls_add(&profile->calls[call], counts);
    profile->totals.allocs += counts->allocs;
    profile->totals.frees += counts->frees;
    profile->totals.bytes += counts->bytes;
    profile->totals.failed += counts->failed;
    profile->totals.ns += counts->ns;
}

static void apply_row(void *context, const struct session_row *row)
{
    struct row_reader *reader = context;
    struct profile_calls counts = read_row(row);
    uint8_t call = row->call;
    if (call < CALL_COUNT && counts.calls != 0) {
        uint32_t path = live_path(reader->session, reader->profile, row->path);
        profile_calls_add(&reader->sum, &counts);
        apply_counts(reader->profile, path, call, &counts);
    }
}

static void forget_counts(struct profile *profile)
{
    static const struct profile_calls none;
    for (size_t i = 0; i < profile->site_calls.count; i++) {
        profile->site_calls.at[i].counts = none;
    }
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        profile->calls[call] = none;
    }
    profile->totals.allocs = 0;
    profile->totals.frees = 0;
    profile->totals.bytes = 0;
    profile->totals.failed = 0;
    profile->totals.ns = 0;
}

/* heap/ has written what it saw over them. */
static void set_process(struct profile *profile, uint32_t process, const struct profile_calls *sum)
{
    struct profile_totals *totals = &profile->processes.at[process].totals;
    totals->allocs = sum->allocs;
    totals->frees = sum->frees;
    totals->bytes = sum->bytes;
    totals->failed = sum->failed;
    totals->ns = sum->ns;
}

static void apply_session(struct profile *profile, struct live_session *session)
{
    struct row_reader reader = {.profile = profile, .session = session};
    uint64_t lost[LOSS_COUNT];
    live_session_rows(session, apply_row, &reader);
    live_session_lost(session, lost);
    for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
        profile->lost[cause] += lost[cause];
    }
    profile->events_seen += session->events_seen;
    profile->processes.at[session->process].threads = session->ring_count;
    set_process(profile, session->process, &reader.sum);
}

void live_counts_apply(const struct live_counts *counts, struct profile *profile,
                       struct live_session *const *sessions, size_t session_count)
{
    forget_counts(profile);
    memcpy(profile->lost, counts->lost, sizeof profile->lost);
    profile->events_seen = counts->events_seen;
    for (size_t i = 0; i < counts->rows.count; i++) {
        const struct live_count *row = &counts->rows.at[i];
        apply_counts(profile, row->path, row->call, &row->counts);
    }
    for (size_t i = 0; i < counts->ended.count; i++) {
        set_process(profile, counts->ended.at[i].process, &counts->ended.at[i].sum);
    }
    for (size_t i = 0; i < session_count; i++) {
        apply_session(profile, sessions[i]);
    }
    profile_seal(profile);
}

static void sum_row(void *context, const struct session_row *row)
{
    struct row_reader *reader = context;
    struct profile_calls counts = read_row(row);
    if (row->call < CALL_COUNT) {
        profile_calls_add(&reader->sum, &counts);
    }
}

/* The causes whose unit is an event that no ring holds (session.h). */
static uint64_t lost_events(const uint64_t lost[LOSS_COUNT])
{
    return lost[LOSS_RING_FULL] + lost[LOSS_NO_RING] + lost[LOSS_NO_THREAD] + lost[LOSS_NESTED] +
           lost[LOSS_EARLY] + lost[LOSS_BESIDE];
}

/* Events that may be counted and in no ring: one call for each thread when a process is killed, and
 * one for each hook that a handler's jump left. */
static uint64_t in_flight(const struct live_session *session)
{
    uint64_t calls = session->ring_count;
    for (uint32_t i = 0; i < session->ring_count; i++) {
        const struct session_thread *place = session->rings[i].place;
        calls += place == NULL ? 0 : atomic_load_explicit(&place->left_hooks, memory_order_relaxed);
    }
    return calls * EVENTS_PER_CALL;
}

struct live_balance live_counts_balance(const struct live_session *session)
{
    struct row_reader reader = {0};
    uint64_t lost[LOSS_COUNT];
    live_session_rows(session, sum_row, &reader);
    live_session_lost(session, lost);
    return (struct live_balance){.counted =
                                     reader.sum.allocs + reader.sum.frees + reader.sum.failed,
                                 .seen = session->events_seen,
                                 .lost = lost_events(lost),
                                 .in_flight_max = in_flight(session)};
}

bool live_counts_agree(const struct live_balance *balance)
{
    uint64_t known = balance->seen + balance->lost;
    uint64_t apart = known > balance->counted ? known - balance->counted : balance->counted - known;
    return apart <= balance->in_flight_max;
}

void live_counts_finish(struct live_counts *counts)
{
    free(counts->rows.at);
    free(counts->ended.at);
    id_map_finish(&counts->index);
    *counts = (struct live_counts){0};
}
