/*
 * live_recorder - the loop: find sessions, drain their rings in order into heap/, sample, save a
 * checkpoint now and then, see processes end.
 * Owner:   one command (record, attach, recover).   Threads: one; live_beat beside it.
 * Units:   ns of CLOCK_MONOTONIC; times in the profile are since the recording's start.
 */
#ifndef ALLOCTRAP_LIVE_RECORDER_H
#define ALLOCTRAP_LIVE_RECORDER_H

#include "heap/heap.h"
#include "heap/id_map.h"
#include "heap/profile.h"
#include "live/live_counts.h"
#include "live/live_dir.h"
#include "live/live_order.h"
#include "live/live_pace.h"
#include "live/live_session.h"
#include "store/store.h"

enum {
    LIVE_RECORDER_BATCH = 512 /* 24 KiB: written and read again within the first-level cache */
};

/* A session file by name: met once, opened when READY. */
struct live_known {
    uint32_t pid;
    uint64_t id;
    bool is_last_try; /* its process is gone: what is not READY now never will be */
    char name[LIVE_SESSION_NAME_BYTES];
};

struct live_recorder {
    struct live_dir *dir;
    struct store *store;
    struct profile *profile;
    struct heap *heap;
    struct live_order order;
    struct live_pace pace;
    struct live_counts counts;
    MEM_ARRAY(struct live_session *) sessions; /* open: their processes have not ended */
    MEM_ARRAY(struct live_known) known;
    struct id_map known_index;
    MEM_ARRAY(uint32_t) pending; /* of known: those that are not READY yet */
    uint64_t base_ns;            /* the recording's start */
    uint64_t base_realtime_ns;
    uint64_t sampled_ns;
    uint64_t drained_ns; /* since the start: older events have been read */
    uint64_t passed;     /* events, by the last pass */
    bool is_quiet;       /* since then no file came, no signal, and no process ended */
    uint64_t looked_ns;  /* the last pass that looked whether any did */
    uint64_t saved_ns;
    uint64_t save_cost_ns;
    uint64_t units_ended;
    uint64_t units_given; /* by whoever records; 0 = what the processes say */
    const char *unit_name_given;
    uint64_t mark_at_ns;  /* a mark to be set at this time; 0 = none, or it is set */
    uint64_t never_ready; /* processes that never finished setting up their session */
    uint64_t mismatches;  /* processes whose events and counters do not agree */
    uint32_t host_pid;    /* the command's own pid; 0 = none */
    bool is_trace;
    bool is_read_only; /* a look at sessions that others may still use */
    size_t batch_count;
    struct heap_event batch[LIVE_RECORDER_BATCH];
    struct err trace_err;   /* why the trace ended early; code ERR_NONE = it did not */
    struct err session_err; /* the first session file that could not be used */
};

/* dir and store are borrowed; store may be NULL until the first save. */
struct live_recorder *live_recorder_create(struct live_dir *dir, struct store *store,
                                           bool is_trace);
void live_recorder_destroy(struct live_recorder *recorder);

/* The same at the end of our process: the kernel takes all memory back at once, which is not taken
 * apart first, but where memory is checked. */
void live_recorder_leave(struct live_recorder *recorder);

/* One round. */
void live_recorder_pass(struct live_recorder *recorder);

/* Takes in every session there is, at once, also those that are half set up, and all their events:
 * the end, or recover. */
void live_recorder_take_all(struct live_recorder *recorder);

/* A checkpoint, when one is due: about every 5 s, and at most 5 % of the time. */
ERR_CHECKED enum err_code live_recorder_checkpoint(struct live_recorder *recorder,
                                                   struct err *reterr);

/* Brings the profile up to now: settled, exact counts. */
void live_recorder_settle(struct live_recorder *recorder);

/* No process is being recorded now, nor about to be. */
bool live_recorder_is_idle(const struct live_recorder *recorder);

/* Ends the sessions whose process runs another program by now (or never was ours). */
void live_recorder_drop_strangers(struct live_recorder *recorder);

#endif
