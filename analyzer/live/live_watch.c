#include "live/live_watch.h"

#include <stdlib.h>
#include <string.h>

#include "insight/latency.h"
#include "live/live_clock.h"
#include "live/live_paths.h"
#include "live/live_process.h"

enum { PEEK_MAX = 16384, PERCENTILE_99 = 9900, IN_FLIGHT = 2 /* events of a realloc */ };

static const uint64_t NS_PER_S = 1000000000;

enum err_code live_watch_open(struct live_watch *watch, const char *dir, struct err *reterr)
{
    *watch = (struct live_watch){0};
    enum err_code code = live_dir_open(&watch->dir, dir, false, reterr);
    if (code == ERR_NONE) {
        watch->names = profile_create();
    }
    return code;
}

void live_watch_close(struct live_watch *watch)
{
    for (size_t i = 0; i < watch->sessions.count; i++) {
        live_session_close(watch->sessions.at[i]);
        free(watch->seen.at[i]);
    }
    for (size_t i = 0; i < watch->sites.count; i++) {
        hist_finish(&watch->sites.at[i].latency);
    }
    free(watch->sessions.at);
    free(watch->seen.at);
    free(watch->sites.at);
    id_map_finish(&watch->site_map);
    hist_finish(&watch->latency);
    profile_destroy(watch->names);
    live_dir_close(&watch->dir);
}

static bool is_known(const struct live_watch *watch, const char *name)
{
    for (size_t i = 0; i < watch->sessions.count; i++) {
        if (strcmp(watch->sessions.at[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void meet(void *context, const char *name)
{
    struct live_watch *watch = context;
    struct live_session *session = NULL;
    struct err err;
    if (!is_known(watch, name) &&
        live_session_open(watch->dir.fd, name, false, false, &session, &err) == LIVE_SESSION_OPEN) {
        *MEM_PUSH(&watch->sessions) = session;
        *MEM_PUSH(&watch->seen) = mem_zero(SESSION_THREADS_MAX, sizeof **watch->seen.at);
    }
}

struct looking {
    struct live_watch *watch;
    struct live_session *session;
    uint32_t index; /* of the session */
};

static struct live_watch_site *site_at(struct looking *looking, uint32_t node)
{
    struct live_watch *watch = looking->watch;
    uint32_t id = id_map_find(&watch->site_map, looking->index, node);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)watch->sites.count;
        struct live_watch_site *site = MEM_PUSH(&watch->sites);
        site->session = looking->session;
        site->node = node;
        id_map_put(&watch->site_map, looking->index, node, id);
    }
    return &watch->sites.at[id];
}

static uint64_t load(const _Atomic uint64_t *counter)
{
    /* Relaxed: each counter is exact by itself; its owner writes meanwhile. */
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_row(void *context, const struct session_row *row)
{
    struct looking *looking = context;
    struct profile_calls counts = {.calls = load(&row->calls),
                                   .allocs = load(&row->allocs),
                                   .frees = load(&row->frees),
                                   .failed = load(&row->failed),
                                   .bytes = load(&row->bytes),
                                   .ns = load(&row->ns),
                                   .ns_max = load(&row->ns_max)};
    if (counts.calls != 0) {
        profile_calls_add(&site_at(looking, row->path)->now, &counts);
        profile_calls_add(&looking->watch->now, &counts);
    }
}

/* What the recorder has read is where a ring's new part begins: the rest of it was checked. */
static void follow_recorder(const struct live_session *session)
{
    for (uint32_t i = 0; i < session->ring_count; i++) {
        struct live_ring *ring = &session->rings[i];
        if (ring->events != NULL) {
            ring->head = atomic_load_explicit(&ring->place->ring_head, memory_order_relaxed);
        }
    }
}

static void add_event(struct looking *looking, const struct session_event *event)
{
    const unsigned no_call = SESSION_EVENT_THREAD | SESSION_EVENT_NOTE | SESSION_EVENT_USAGE;
    unsigned flags = session_event_flags(event);
    bool is_half = (flags & SESSION_EVENT_OLD) != 0 && (flags & SESSION_EVENT_NULL) == 0;
    if (event->stamp_ns == 0 || is_half || (flags & no_call) != 0 ||
        session_event_call(event) >= CALL_COUNT || session_event_latency(event) >= LOGLIN_CODES) {
        return;
    }
    hist_add(&looking->watch->latency, session_event_latency(event), 1);
    hist_add(&site_at(looking, session_event_path(event))->latency, session_event_latency(event),
             1);
}

/* The latest events of a ring, whether the recorder has read them or not. Its owner goes on
 * writing: what may have been overwritten while it was copied is thrown away. */
static void peek(struct looking *looking, const struct live_ring *ring, uint64_t *seen)
{
    static struct session_event copies[PEEK_MAX];
    uint64_t size = ring->mask + 1;
    uint64_t most = size < PEEK_MAX ? size : PEEK_MAX;
    uint64_t from = ring->tail - *seen < most ? *seen : ring->tail - (ring->tail < most ? 0 : most);
    uint64_t first = from;
    for (uint64_t at = from; at < ring->tail; at++) {
        copies[at - from] = ring->events[at & ring->mask];
    }
    /* Acquire: the copies were made before this tail is read. */
    atomic_thread_fence(memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->place->ring_tail, memory_order_acquire);
    if (tail + IN_FLIGHT > size && first < tail + IN_FLIGHT - size) {
        first = tail + IN_FLIGHT - size;
    }
    for (uint64_t at = first; at < ring->tail; at++) {
        add_event(looking, &copies[at - from]);
    }
    *seen = ring->tail;
}

static void look_at(struct live_watch *watch, uint32_t index)
{
    struct live_session *session = watch->sessions.at[index];
    struct looking looking = {watch, session, index};
    uint64_t lost[LOSS_COUNT];
    follow_recorder(session);
    live_session_refresh(session);
    live_session_rows(session, add_row, &looking);
    live_session_lost(session, lost);
    for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
        watch->lost += lost[cause];
    }
    bool is_running = !live_process_is_gone(session->pid, -1);
    watch->processes += is_running;
    watch->threads += is_running ? session->ring_count : 0;
    for (uint32_t i = 0; i < session->ring_count; i++) {
        if (session->rings[i].events != NULL && !session->rings[i].is_bad) {
            peek(&looking, &session->rings[i], &watch->seen.at[index][i]);
        }
    }
}

static void forget_last_look(struct live_watch *watch)
{
    static const struct profile_calls none;
    for (size_t i = 0; i < watch->sites.count; i++) {
        struct live_watch_site *site = &watch->sites.at[i];
        site->before = site->now;
        site->now = none;
        hist_finish(&site->latency);
    }
    hist_finish(&watch->latency);
    watch->before = watch->now;
    watch->now = none;
    watch->looked_before_ns = watch->looked_ns;
    watch->lost = 0;
    watch->processes = 0;
    watch->threads = 0;
}

void live_watch_look(struct live_watch *watch)
{
    forget_last_look(watch);
    live_dir_scan(&watch->dir, true, meet, watch);
    watch->looked_ns = live_clock_ns();
    for (uint32_t i = 0; i < watch->sessions.count; i++) {
        look_at(watch, i);
    }
    watch->gauge = live_gauge_read(&watch->dir);
    /* Acquire; pairs with live_dir_beat()'s release. */
    watch->is_over = atomic_load_explicit(&watch->dir.control->recorder_state,
                                          memory_order_acquire) == SESSION_RECORDER_CLOSED;
    if (watch->looked_before_ns == 0) { /* the first look: since the program's start */
        uint64_t start_ns = watch->dir.control->clock.base_ns;
        watch->looked_before_ns = start_ns < watch->looked_ns ? start_ns : watch->looked_ns;
    }
}

uint64_t live_watch_span_ns(const struct live_watch *watch)
{
    uint64_t ns = watch->looked_ns - watch->looked_before_ns;
    return ns != 0 ? ns : 1;
}

static uint64_t net_ns(const struct live_watch *watch, const struct profile_calls *calls)
{
    return latency_net(calls->ns, calls->calls, watch->dir.control->clock.cost_ns);
}

uint64_t live_watch_latency(const struct live_watch *watch, const struct hist *hist,
                            unsigned per_ten_thousand)
{
    return latency_net(hist_quantile(hist, per_ten_thousand), 1, watch->dir.control->clock.cost_ns);
}

static uint64_t counted(const struct live_watch *watch, const struct profile_calls *calls,
                        enum live_watch_key key)
{
    return key == LIVE_WATCH_ALLOCATIONS ? calls->allocs
           : key == LIVE_WATCH_BYTES     ? calls->bytes
                                         : net_ns(watch, calls);
}

uint64_t live_watch_value(const struct live_watch *watch, const struct live_watch_site *site,
                          enum live_watch_key key, enum live_watch_span span)
{
    if (key == LIVE_WATCH_P99) {
        return live_watch_latency(watch, site != NULL ? &site->latency : &watch->latency,
                                  PERCENTILE_99);
    }
    uint64_t now = counted(watch, site != NULL ? &site->now : &watch->now, key);
    uint64_t before = counted(watch, site != NULL ? &site->before : &watch->before, key);
    if (span == LIVE_WATCH_TOTAL) {
        return now;
    }
    uint64_t more = now > before ? now - before : 0;
    return (uint64_t)((double)more * (double)NS_PER_S / (double)live_watch_span_ns(watch) + 0.5);
}

struct ranked {
    uint64_t value;
    uint64_t total;
    uint32_t site;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->value != y->value) {
        return x->value > y->value ? -1 : 1;
    }
    if (x->total != y->total) {
        return x->total > y->total ? -1 : 1;
    }
    return x->site < y->site ? -1 : 1;
}

size_t live_watch_rank(const struct live_watch *watch, enum live_watch_key key,
                       enum live_watch_span span, size_t max, uint32_t **ret_sites)
{
    struct ranked *ranked = mem_zero(watch->sites.count + 1, sizeof *ranked);
    size_t count = 0;
    for (uint32_t i = 0; i < watch->sites.count; i++) {
        const struct live_watch_site *site = &watch->sites.at[i];
        uint64_t value = live_watch_value(watch, site, key, span);
        if (site->now.allocs != 0 || (key >= LIVE_WATCH_TIME && value != 0)) {
            ranked[count++] = (struct ranked){value, site->now.allocs, i};
        }
    }
    qsort(ranked, count, sizeof *ranked, by_value);
    count = count < max ? count : max;
    *ret_sites = mem_zero(count + 1, sizeof **ret_sites);
    for (size_t i = 0; i < count; i++) {
        (*ret_sites)[i] = ranked[i].site;
    }
    free(ranked);
    return count;
}

uint32_t live_watch_path(struct live_watch *watch, uint32_t site)
{
    return live_path(watch->sites.at[site].session, watch->names, watch->sites.at[site].node);
}
