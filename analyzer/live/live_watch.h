/*
 * live_watch - a look at a running session from outside: its exact counters now and at the look
 * before, and latencies of the latest calls, read from the rings behind the recorder's back.
 * Nothing is written: neither hosts nor the recorder notice. Files are as hostile as to the
 * recorder.
 * Owner: `alloctrap top`.   Threads: one.   Units: ns of CLOCK_MONOTONIC, bytes.
 */
#ifndef ALLOCTRAP_LIVE_WATCH_H
#define ALLOCTRAP_LIVE_WATCH_H

#include "heap/id_map.h"
#include "live/live_gauge.h"
#include "live/live_session.h"

enum live_watch_key {
    LIVE_WATCH_ALLOCATIONS,
    LIVE_WATCH_BYTES,
    LIVE_WATCH_TIME,
    LIVE_WATCH_P99,
    LIVE_WATCH_KEYS
};

/* Whether numbers are for each second since the last look, or since the start. */
enum live_watch_span { LIVE_WATCH_RATE, LIVE_WATCH_TOTAL };

/* A call path of one process. */
struct live_watch_site {
    struct live_session *session;
    uint32_t node;
    struct profile_calls now;
    struct profile_calls before;
    struct hist latency; /* of the calls that were seen since the last look */
};

struct live_watch {
    struct live_dir dir;
    MEM_ARRAY(struct live_session *) sessions;
    MEM_ARRAY(uint64_t *) seen; /* for each session: how far each ring was seen */
    MEM_ARRAY(struct live_watch_site) sites;
    struct id_map site_map;
    struct profile *names; /* paths of the sites that were asked for */
    struct profile_calls now;
    struct profile_calls before;
    struct hist latency;
    struct live_gauge gauge;
    uint64_t looked_ns;
    uint64_t looked_before_ns;
    uint64_t lost;
    uint32_t processes; /* that run */
    uint32_t threads;
    bool is_over; /* the recorder has ended */
};

/* Opens a session directory. */
ERR_CHECKED enum err_code live_watch_open(struct live_watch *watch, const char *dir,
                                          struct err *reterr);
void live_watch_close(struct live_watch *watch);

/* Reads everything anew. */
void live_watch_look(struct live_watch *watch);

/* ns between the last two looks; at least 1. */
uint64_t live_watch_span_ns(const struct live_watch *watch);

/* A number of a site, or of all of them (site NULL): for each second, or since the start. The time
 * is ns in the allocator; p99 is of the calls that were seen. Net of the clock. */
uint64_t live_watch_value(const struct live_watch *watch, const struct live_watch_site *site,
                          enum live_watch_key key, enum live_watch_span span);

/* A percentile of the calls that were seen since the last look, net of the clock. */
uint64_t live_watch_latency(const struct live_watch *watch, const struct hist *hist,
                            unsigned per_ten_thousand);

/* Sites with something to show, largest first; at most max. free(*ret_sites). */
size_t live_watch_rank(const struct live_watch *watch, enum live_watch_key key,
                       enum live_watch_span span, size_t max, uint32_t **ret_sites);

/* The path in watch->names of a site; new ones have no names yet. */
uint32_t live_watch_path(struct live_watch *watch, uint32_t site);

#endif
