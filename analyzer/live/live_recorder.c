#include "live/live_recorder.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/live_clock.h"
#include "live/live_gauge.h"
#include "live/live_notes.h"
#include "live/live_paths.h"
#include "live/live_process.h"

enum { SAVE_SHARE = 20 };

static const uint64_t SAMPLE_NS = 100000000;
static const uint64_t SAVE_NS = 5000000000;
static const uint64_t LOOK_NS = 100000000; /* a look at all processes */

struct live_recorder *live_recorder_create(struct live_dir *dir, struct store *store, bool is_trace)
{
    struct live_recorder *recorder = mem_zero(1, sizeof *recorder);
    recorder->dir = dir;
    recorder->store = store;
    recorder->is_trace = is_trace;
    recorder->profile = profile_create();
    recorder->heap = heap_create(recorder->profile);
    uint64_t now_ns = live_clock_ns();
    uint64_t base_ns = dir->control->clock.base_ns;
    recorder->base_ns = base_ns < now_ns ? base_ns : now_ns;
    recorder->base_realtime_ns = live_clock_realtime_ns() - (now_ns - recorder->base_ns);
    recorder->saved_ns = now_ns;
    return recorder;
}

void live_recorder_destroy(struct live_recorder *recorder)
{
    if (recorder == NULL) {
        return;
    }
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        live_session_close(recorder->sessions.at[i]);
    }
    heap_destroy(recorder->heap);
    profile_destroy(recorder->profile);
    live_order_finish(&recorder->order);
    live_counts_finish(&recorder->counts);
    id_map_finish(&recorder->known_index);
    free(recorder->sessions.at);
    free(recorder->known.at);
    free(recorder->pending.at);
    free(recorder);
}

void live_recorder_leave(struct live_recorder *recorder)
{
    if (mem_is_checked()) {
        live_recorder_destroy(recorder);
    }
}

static uint64_t since_start(const struct live_recorder *recorder, uint64_t ns)
{
    return ns > recorder->base_ns ? ns - recorder->base_ns : 0;
}

static void flush(struct live_recorder *recorder)
{
    size_t count = recorder->batch_count;
    recorder->batch_count = 0;
    if (count == 0) {
        return;
    }
    heap_add(recorder->heap, recorder->batch, count);
    if (recorder->is_trace && recorder->trace_err.code == ERR_NONE) {
        recorder->trace_err.code =
            store_trace(recorder->store, recorder->batch, count, &recorder->trace_err);
    }
}

static void convert(struct live_recorder *recorder, struct live_ring *ring,
                    const struct session_event *from)
{
    struct live_session *session = ring->session;
    struct heap_event *event = &recorder->batch[recorder->batch_count++];
    event->time_ns = since_start(recorder, from->stamp_ns);
    session->last_ns = event->time_ns;
    event->addr = session_event_addr(from);
    event->size = session_event_size(from);
    event->path = live_path(session, recorder->profile, session_event_path(from));
    event->sp = session_event_sp(from);
    event->process = session->process;
    event->thread = ring->slot | ring->generation << 12;
    event->tid = ring->tid;
    event->latency = session_event_latency(from);
    event->call = session_event_call(from);
    event->flags = session_event_flags(from);
    session->events_seen += (event->flags & SESSION_EVENT_USAGE) == 0; /* of what is counted */
}

static const char *text_of(struct live_recorder *recorder, const char *bytes, size_t max)
{
    char text[SESSION_PATH_BYTES + 1];
    size_t len = strnlen(bytes, max < SESSION_PATH_BYTES ? max : SESSION_PATH_BYTES);
    memcpy(text, bytes, len);
    text[len] = '\0';
    return mem_strings_keep(recorder->profile->strings, text);
}

/* What the program said, as an event of no call. */
static void convert_note(struct live_recorder *recorder, struct live_ring *ring,
                         const struct session_event *from)
{
    struct live_session *session = ring->session;
    uint64_t id = session_event_addr(from);
    if (id < SESSION_NOTES_MAX) {
        recorder->batch[recorder->batch_count++] =
            (struct heap_event){.time_ns = since_start(recorder, from->stamp_ns),
                                .addr = live_notes_of(session, recorder->profile, (uint32_t)id),
                                .size = session_event_size(from),
                                .path = (uint32_t)from->word3,
                                .sp = (uint32_t)(from->word3 >> 32),
                                .process = session->process,
                                .thread = ring->slot | ring->generation << 12,
                                .tid = ring->tid,
                                .flags = SESSION_EVENT_NOTE};
    }
}

/* `record --mark-at`: the mark stands before the first event at or after its time. */
static void mark_by_time(struct live_recorder *recorder, const struct live_ring *ring,
                         uint64_t stamp_ns)
{
    struct profile *profile = recorder->profile;
    if (since_start(recorder, stamp_ns) < recorder->mark_at_ns) {
        return;
    }
    char name[SESSION_NOTE_BYTES];
    snprintf(name, sizeof name, "at %" PRIu64 " ns", recorder->mark_at_ns);
    uint32_t note = live_notes_id(profile, mem_strings_keep(profile->strings, name));
    recorder->batch[recorder->batch_count++] =
        (struct heap_event){.time_ns = recorder->mark_at_ns,
                            .addr = note,
                            .size = SESSION_NOTE_MARK,
                            .process = ring->session->process,
                            .thread = ring->slot | ring->generation << 12,
                            .tid = ring->tid,
                            .flags = SESSION_EVENT_NOTE};
    recorder->mark_at_ns = 0;
}

static void take_run(void *context, struct live_ring *ring, const struct session_event *events,
                     size_t count)
{
    struct live_recorder *recorder = context;
    for (size_t i = 0; i < count; i++) {
        struct session_event event = events[i]; /* a copy: the host may change what we checked */
        if ((session_event_flags(&event) & SESSION_EVENT_THREAD) != 0) {
            ring->tid = (uint32_t)session_event_addr(&event);
            ring->generation += 1;
            continue;
        }
        if (session_event_call(&event) >= CALL_COUNT ||
            session_event_latency(&event) >= LOGLIN_CODES) {
            continue;
        }
        if (recorder->batch_count >= LIVE_RECORDER_BATCH - 1) { /* a mark may come first */
            flush(recorder);
        }
        if (recorder->mark_at_ns != 0) {
            mark_by_time(recorder, ring, event.stamp_ns);
        }
        if ((session_event_flags(&event) & SESSION_EVENT_NOTE) != 0) {
            convert_note(recorder, ring, &event);
        } else {
            convert(recorder, ring, &event);
        }
    }
    if (!recorder->is_read_only) {
        /* Release; pairs with has_room()'s acquire: the events are read, the producer may
         * overwrite them. */
        atomic_store_explicit(&ring->place->ring_head, ring->head, memory_order_release);
    }
}

/* Comparable with the events' stamps, whatever the clock. */
static uint64_t now_of(const struct live_recorder *recorder)
{
    return live_clock_by(&recorder->dir->control->clock);
}

/* A ring alone is in order by itself. */
static bool is_one_ring(const struct live_recorder *recorder)
{
    return recorder->sessions.count == 1 && recorder->sessions.at[0]->ring_count == 1;
}

/* Reads all tails. Returns the hold-back. */
static uint64_t look_at_rings(struct live_recorder *recorder, uint64_t now_ns)
{
    bool is_short = false;
    live_pace_look(&recorder->pace, now_ns);
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        struct live_session *session = recorder->sessions.at[i];
        live_session_refresh(session);
        for (uint32_t k = 0; k < session->ring_count; k++) {
            if (session->rings[k].events != NULL) {
                live_pace_see(&recorder->pace, &session->rings[k]);
                is_short = is_short || live_order_is_pressed(&session->rings[k]);
            }
        }
    }
    return is_short || is_one_ring(recorder) ? LIVE_ORDER_HOLD_SHORT_NS : LIVE_ORDER_HOLD_NS;
}

/* The time is taken before the tails are read: what is older than the hold-back and not in a ring
 * yet is rare. */
static uint64_t drain(struct live_recorder *recorder)
{
    uint64_t now_ns = now_of(recorder);
    uint64_t hold_ns = look_at_rings(recorder, now_ns);
    recorder->drained_ns = since_start(recorder, now_ns - hold_ns);
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        struct live_session *session = recorder->sessions.at[i];
        uint64_t horizon_ns = session->has_ended ? UINT64_MAX : now_ns - hold_ns;
        for (uint32_t k = 0; k < session->ring_count; k++) {
            if (!session->rings[k].is_bad) {
                live_order_add(&recorder->order, &session->rings[k], horizon_ns);
            }
        }
    }
    uint64_t passed = live_order_merge(&recorder->order, take_run, recorder);
    flush(recorder);
    return passed;
}

static void add_process(struct live_recorder *recorder, struct live_session *session)
{
    char command[SESSION_COMMAND_BYTES + 1];
    live_session_command(session, command, sizeof command);
    session->process = (uint32_t)recorder->profile->processes.count;
    struct profile_process *process = MEM_PUSH(&recorder->profile->processes);
    process->pid = session->pid;
    process->parent_pid = session->head->ppid;
    process->origin = session->head->origin == SESSION_BY_FORK ? SESSION_BY_FORK : SESSION_BY_START;
    process->start_ns = since_start(recorder, session->head->start_ns);
    process->end_ns = process->start_ns;
    process->exit_kind = PROFILE_RUNNING;
    process->exit_code = -1;
    process->command = mem_strings_keep(recorder->profile->strings, command);
    process->allocator =
        text_of(recorder, session->head->allocator, sizeof session->head->allocator);
}

/* Images of one pid followed each other by exec: all but the one that started last have ended. A
 * recorder that comes late meets them in any order. */
static void end_earlier_images(struct live_recorder *recorder, struct live_session *met)
{
    for (size_t i = 0; met->seen_pid != 0 && i < recorder->sessions.count; i++) {
        struct live_session *open = recorder->sessions.at[i];
        if (open->seen_pid == met->seen_pid) {
            bool is_earlier = open->head->start_ns <= met->head->start_ns;
            *(is_earlier ? &open->has_ended : &met->has_ended) = true;
        }
    }
}

static void adopt(struct live_recorder *recorder, struct live_session *session)
{
    session->seen_pid =
        live_process_find(session->pid, session->head->pid_namespace, session->name);
    if (session->head->origin != SESSION_BY_FORK && !recorder->is_read_only) {
        end_earlier_images(recorder, session);
    }
    if (!recorder->is_read_only) {
        add_process(recorder, session);
        session->pid_fd = live_process_open(session->seen_pid);
    }
    *MEM_PUSH(&recorder->sessions) = session;
}

/* True when there is nothing to come back for. */
static bool try_open(struct live_recorder *recorder, const struct live_known *known,
                     bool is_last_try)
{
    struct live_session *session = NULL;
    struct err err = {.code = ERR_NONE};
    enum live_session_found found =
        live_session_open(recorder->dir->fd, known->name, !recorder->is_read_only,
                          recorder->is_read_only, &session, &err);
    if (found == LIVE_SESSION_OPEN) {
        adopt(recorder, session);
    } else if (found == LIVE_SESSION_BAD || (found == LIVE_SESSION_RETRY && is_last_try)) {
        recorder->never_ready += 1;
        recorder->counts.lost[LOSS_NO_SESSION] += 1;
        if (recorder->session_err.code == ERR_NONE) {
            recorder->session_err = err;
        }
    } else {
        return found == LIVE_SESSION_WITHDRAWN;
    }
    return true;
}

/* "<pid>.<16 hex>.session", and nothing else. */
static bool parse_name(const char *name, uint32_t *ret_pid, uint64_t *ret_id)
{
    char *end = NULL;
    if (!isdigit((unsigned char)name[0]) || strlen(name) >= LIVE_SESSION_NAME_BYTES) {
        return false;
    }
    unsigned long pid = strtoul(name, &end, 10);
    const char *hex = end + 1;
    if (*end != '.' || pid > INT32_MAX || strspn(hex, "0123456789abcdef") != 16 ||
        strcmp(hex + 16, SESSION_SUFFIX) != 0) {
        return false;
    }
    *ret_pid = (uint32_t)pid;
    *ret_id = strtoull(hex, NULL, 16);
    return true;
}

static void meet(void *context, const char *name)
{
    struct live_recorder *recorder = context;
    uint32_t pid;
    uint64_t id;
    if (!parse_name(name, &pid, &id) ||
        id_map_find(&recorder->known_index, pid, id) != ID_MAP_NONE) {
        return;
    }
    uint32_t index = (uint32_t)recorder->known.count;
    id_map_put(&recorder->known_index, pid, id, index);
    struct live_known *known = MEM_PUSH(&recorder->known);
    known->pid = pid;
    known->id = id;
    snprintf(known->name, sizeof known->name, "%s", name);
    *MEM_PUSH(&recorder->pending) = index;
}

/* The pid in the name is of the owner's namespace, and 0 when it was not told. */
static bool is_owner_gone(const struct live_known *known)
{
    return live_process_is_gone(known->pid, -1) && !live_process_any_maps(known->name);
}

static void try_pending(struct live_recorder *recorder)
{
    size_t kept = 0;
    for (size_t i = 0; i < recorder->pending.count; i++) {
        uint32_t index = recorder->pending.at[i];
        struct live_known *known = &recorder->known.at[index];
        /* Twice: it may have become READY between our look at the file and its end. */
        bool is_last_try = known->is_last_try;
        known->is_last_try = recorder->is_read_only || is_owner_gone(known);
        if (!try_open(recorder, known, is_last_try)) {
            recorder->pending.at[kept++] = index;
        }
    }
    recorder->pending.count = kept;
}

static uint64_t units_of(const struct live_session *session)
{
    return atomic_load_explicit(&session->head->units, memory_order_relaxed);
}

static void name_units(struct live_recorder *recorder, const struct live_session *session)
{
    struct profile_run *run = &recorder->profile->run;
    if (run->unit_name[0] == '\0') {
        run->unit_name =
            text_of(recorder, session->head->unit_name, sizeof session->head->unit_name);
    }
}

static void finish_session(struct live_recorder *recorder, struct live_session *session)
{
    struct profile_process *process = &recorder->profile->processes.at[session->process];
    process->end_ns = since_start(recorder, now_of(recorder));
    process->exit_kind = PROFILE_EXITED;
    process->threads = session->ring_count;
    heap_process_ended(recorder->heap, session->process);
    live_counts_keep(&recorder->counts, recorder->profile, session);
    struct live_balance balance = live_counts_balance(session);
    recorder->mismatches += !live_counts_agree(&balance);
    recorder->units_ended += units_of(session);
    name_units(recorder, session);
    live_session_shrink(session, recorder->dir->fd);
    live_session_close(session);
}

static void finish_ended(struct live_recorder *recorder)
{
    size_t kept = 0;
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        struct live_session *session = recorder->sessions.at[i];
        if (session->has_ended) {
            finish_session(recorder, session);
        } else {
            recorder->sessions.at[kept++] = session;
        }
    }
    recorder->sessions.count = kept;
}

/* Forked children that can make no session count in this one, and may outlive its process. One that
 * has not shown yet whether it can is waited for as well. */
static bool is_used_beside(struct live_session *session)
{
    const struct session_head *head = session->head;
    /* Acquire; pairs with the child's release: its own session is there by now. */
    if (atomic_load_explicit(&head->forks_open, memory_order_acquire) == 0 &&
        atomic_load_explicit(&head->lost[LOSS_BESIDE], memory_order_relaxed) == 0) {
        return false;
    }
    uint64_t now_ns = live_clock_ns();
    if (now_ns - session->looked_ns > LOOK_NS) {
        session->looked_ns = now_ns;
        session->is_used_beside = live_process_any_maps(session->name);
    }
    return session->is_used_beside;
}

static void see_ends(struct live_recorder *recorder)
{
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        struct live_session *session = recorder->sessions.at[i];
        if (session->has_ended || !live_process_is_gone(session->seen_pid, session->pid_fd)) {
            continue;
        }
        session->has_ended = !is_used_beside(session);
        if (!session->has_ended && session->pid_fd >= 0) {
            close(session->pid_fd); /* it would end every wait at once */
            session->pid_fd = -1;
            session->seen_pid = 0;
        }
    }
}

/* Stamped as the last events that were read: later, it would put the live bytes of those still
 * held back into its own, later bin of the timeline. */
static void sample(struct live_recorder *recorder)
{
    uint64_t now_ns = now_of(recorder);
    if (now_ns - recorder->sampled_ns < SAMPLE_NS) {
        return;
    }
    recorder->sampled_ns = now_ns;
    uint64_t resident_bytes = 0;
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        const struct live_session *session = recorder->sessions.at[i];
        uint64_t rss_bytes;
        uint64_t faults;
        if (live_process_sample(session->seen_pid, &rss_bytes, &faults)) {
            heap_sample(recorder->heap, recorder->drained_ns, session->process, rss_bytes, faults);
            resident_bytes += rss_bytes;
        }
    }
    struct heap_level level = heap_level(recorder->heap);
    live_gauge_write(recorder->dir,
                     &(struct live_gauge){live_clock_ns(), level.live_bytes, level.live_blocks,
                                          level.peak_bytes, resident_bytes});
}

void live_recorder_pass(struct live_recorder *recorder)
{
    if (!recorder->is_quiet) {
        recorder->looked_ns = live_clock_ns();
        live_dir_scan(recorder->dir, false, meet, recorder);
        try_pending(recorder);
        see_ends(recorder); /* before the tails are read: an ended process writes no more */
    }
    recorder->passed = drain(recorder);
    finish_ended(recorder);
    sample(recorder);
}

static int by_start(const void *left, const void *right)
{
    const struct live_session *a = *(struct live_session *const *)left;
    const struct live_session *b = *(struct live_session *const *)right;
    return (a->head->start_ns > b->head->start_ns) - (a->head->start_ns < b->head->start_ns);
}

/* A directory lists its files in any order; processes are told in the order of their starts. */
static void add_found_processes(struct live_recorder *recorder)
{
    if (recorder->sessions.count > 1) {
        qsort(recorder->sessions.at, recorder->sessions.count, sizeof *recorder->sessions.at,
              by_start);
    }
    if (recorder->sessions.count > 0) {
        uint64_t first_ns = recorder->sessions.at[0]->head->start_ns;
        uint64_t base_ns = recorder->dir->control->clock.base_ns; /* maybe of an earlier boot */
        recorder->base_ns = first_ns < base_ns ? first_ns : base_ns;
    }
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        add_process(recorder, recorder->sessions.at[i]);
    }
}

void live_recorder_take_all(struct live_recorder *recorder)
{
    live_dir_scan(recorder->dir, true, meet, recorder);
    try_pending(recorder);
    try_pending(recorder);
    if (recorder->is_read_only) {
        add_found_processes(recorder);
    } else {
        see_ends(recorder);
    }
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        live_session_refresh(recorder->sessions.at[i]);
        for (uint32_t k = 0; k < recorder->sessions.at[i]->ring_count; k++) {
            if (!recorder->sessions.at[i]->rings[k].is_bad) {
                live_order_add(&recorder->order, &recorder->sessions.at[i]->rings[k], UINT64_MAX);
            }
        }
    }
    (void)live_order_merge(&recorder->order, take_run, recorder);
    flush(recorder);
    if (!recorder->is_read_only) {
        finish_ended(recorder);
    }
}

static uint64_t last_end_ns(const struct profile *profile)
{
    uint64_t last_ns = 0;
    for (size_t i = 0; i < profile->processes.count; i++) {
        uint64_t end_ns = profile->processes.at[i].end_ns;
        last_ns = end_ns > last_ns ? end_ns : last_ns;
    }
    return last_ns;
}

void live_recorder_settle(struct live_recorder *recorder)
{
    struct profile *profile = recorder->profile;
    uint64_t units = recorder->units_ended;
    uint64_t now_ns = now_of(recorder);
    heap_settle_unsealed(recorder->heap);
    live_counts_apply(&recorder->counts, profile, recorder->sessions.at, recorder->sessions.count);
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        const struct live_session *session = recorder->sessions.at[i];
        units += units_of(session);
        name_units(recorder, session);
        profile->processes.at[session->process].end_ns =
            recorder->is_read_only ? session->last_ns : since_start(recorder, now_ns);
    }
    profile->run.units = units;
    if (recorder->units_given != 0) {
        profile->run.units = recorder->units_given;
        profile->run.unit_name = mem_strings_keep(profile->strings, recorder->unit_name_given);
    }
    profile->run.start_realtime_ns = recorder->base_realtime_ns;
    profile->run.duration_ns = last_end_ns(profile);
    profile->run.clock_cost_ps = recorder->dir->control->clock.cost_ns;
}

enum err_code live_recorder_checkpoint(struct live_recorder *recorder, struct err *reterr)
{
    uint64_t start_ns = live_clock_ns();
    uint64_t pause_ns = SAVE_SHARE * recorder->save_cost_ns;
    if (start_ns - recorder->saved_ns < (pause_ns > SAVE_NS ? pause_ns : SAVE_NS)) {
        return ERR_NONE;
    }
    live_recorder_settle(recorder);
    enum err_code code = store_save(recorder->store, recorder->profile, reterr);
    recorder->saved_ns = live_clock_ns();
    recorder->save_cost_ns = recorder->saved_ns - start_ns;
    return code;
}

bool live_recorder_is_idle(const struct live_recorder *recorder)
{
    return recorder->sessions.count == 0 && recorder->pending.count == 0;
}

void live_recorder_drop_strangers(struct live_recorder *recorder)
{
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        struct live_session *session = recorder->sessions.at[i];
        session->has_ended =
            session->has_ended ||
            (!live_process_may_map(session->seen_pid, session->name) && !is_used_beside(session));
    }
}
