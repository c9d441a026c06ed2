#include "heap/heap_spans.h"

#include <stdlib.h>

static uint32_t add_span(struct heap_spans *spans, uint32_t kind, const char *name, uint64_t at_ns)
{
    *MEM_PUSH(&spans->spans) = (struct profile_span){.kind = kind, .name = name, .at_ns = at_ns};
    return (uint32_t)spans->spans.count - 1;
}

/* A note's path and stack position are the units that its process had told: 64 bits in two. */
static uint64_t units_of(const struct heap_event *event)
{
    return event->path | (uint64_t)event->sp << 32;
}

static void add_mark(struct heap_spans *spans, const char *name, const struct heap_event *event)
{
    uint64_t at_ns = event->time_ns;
    size_t count = spans->marks.count;
    if (count == PROFILE_MARKS_MAX) {
        spans->spans.at[spans->marks.at[count - 1]].kind = PROFILE_MARK_REST;
        spans->spans.at[spans->marks.at[count - 1]].times += 1;
        return;
    }
    /* A thread that was late by more than the hold-back: its mark cannot be before the last one,
     * whose events are counted. */
    uint64_t last_ns = count > 0 ? spans->spans.at[spans->marks.at[count - 1]].at_ns : 0;
    uint32_t span = add_span(spans, PROFILE_MARK, name, at_ns > last_ns ? at_ns : last_ns);
    spans->spans.at[span].times = 1;
    spans->spans.at[span].units = units_of(event);
    *MEM_PUSH(&spans->marks) = span;
}

static struct heap_span_thread *thread_of(struct heap_spans *spans, const struct heap_event *event)
{
    uint32_t id = id_map_find(&spans->thread_map, event->process, event->thread);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)spans->threads.count;
        (void)MEM_PUSH(&spans->threads);
        id_map_put(&spans->thread_map, event->process, event->thread, id);
    }
    return &spans->threads.at[id];
}

static uint32_t phase_of(struct heap_spans *spans, uint32_t kind, uint64_t note, const char *name,
                         uint64_t at_ns)
{
    uint32_t span = id_map_find(&spans->phase_map, kind, note);
    if (span == ID_MAP_NONE) {
        span = add_span(spans, kind, name, at_ns);
        id_map_put(&spans->phase_map, kind, note, span);
    }
    return span;
}

static void open_phase(struct heap_spans *spans, const struct heap_event *event, uint32_t kind,
                       const char *name)
{
    uint32_t span = phase_of(spans, kind, event->addr, name, event->time_ns);
    struct heap_span_thread *thread = thread_of(spans, event);
    spans->spans.at[span].times += 1;
    if (thread->open_count < HEAP_SPANS_OPEN_MAX) {
        thread->open[thread->open_count] = (struct heap_span_open){span, event->time_ns};
    }
    thread->open_count += 1; /* deeper ones are counted, so that ends match */
}

/* Ends the innermost phase of this kind and name, wherever it stands: phases need not nest. */
static void close_phase(struct heap_spans *spans, const struct heap_event *event, uint32_t kind)
{
    uint32_t span = id_map_find(&spans->phase_map, kind, event->addr);
    struct heap_span_thread *thread = thread_of(spans, event);
    if (thread->open_count > HEAP_SPANS_OPEN_MAX) {
        thread->open_count -= 1;
        return;
    }
    for (uint32_t i = thread->open_count; span != ID_MAP_NONE && i > 0; i--) {
        if (thread->open[i - 1].span == span) {
            uint64_t since_ns = thread->open[i - 1].since_ns;
            spans->spans.at[span].ns += event->time_ns > since_ns ? event->time_ns - since_ns : 0;
            for (uint32_t k = i; k < thread->open_count; k++) {
                thread->open[k - 1] = thread->open[k];
            }
            thread->open_count -= 1;
            return;
        }
    }
}

void heap_spans_note(struct heap_spans *spans, const struct profile *profile,
                     const struct heap_event *event)
{
    const char *name = event->addr < profile->notes.count ? profile->notes.at[event->addr] : "";
    spans->is_used = true;
    switch (event->size) {
    case SESSION_NOTE_MARK:
        add_mark(spans, name, event);
        break;
    case SESSION_NOTE_PHASE_BEGIN:
        open_phase(spans, event, PROFILE_PHASE, name);
        break;
    case SESSION_NOTE_PHASE_END:
        close_phase(spans, event, PROFILE_PHASE);
        break;
    case SESSION_NOTE_PAUSE:
        open_phase(spans, event, PROFILE_PAUSE, name);
        break;
    case SESSION_NOTE_RESUME:
        close_phase(spans, event, PROFILE_PAUSE);
        break;
    case SESSION_NOTE_FORBID_BEGIN:
        open_phase(spans, event, PROFILE_FORBID, name);
        break;
    case SESSION_NOTE_FORBID_END:
        close_phase(spans, event, PROFILE_FORBID);
        break;
    default:
        break;
    }
}

static struct heap_span_call *call_of(struct heap_spans *spans, uint32_t span, uint32_t site,
                                      uint8_t call)
{
    uint64_t key = (uint64_t)site << 8 | call;
    uint32_t id = id_map_find(&spans->call_map, span, key);
    if (id == ID_MAP_NONE && spans->calls.count >= PROFILE_SPAN_CALLS_MAX && site != 0) {
        return call_of(spans, span, 0, call);
    }
    if (id == ID_MAP_NONE) {
        id = (uint32_t)spans->calls.count;
        *MEM_PUSH(&spans->calls) =
            (struct heap_span_call){.span = span, .site = site, .call = call};
        id_map_put(&spans->call_map, span, key, id);
    }
    return &spans->calls.at[id];
}

static void add_to(struct heap_spans *spans, uint32_t span, const struct heap_event *event,
                   uint32_t site, const struct profile_calls *added,
                   struct heap_hist_budget *budget)
{
    struct heap_span_call *call = call_of(spans, span, site, event->call);
    profile_calls_add(&call->counts, added);
    if (added->calls != 0) {
        uint16_t code = event->latency < LOGLIN_CODES ? event->latency : LOGLIN_CODES - 1;
        heap_hist_add(&call->latency, code, budget);
    }
}

static bool is_open_before(const struct heap_span_thread *thread, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (thread->open[i].span == thread->open[at].span) {
            return true;
        }
    }
    return false;
}

/* The pause that the thread is in, or ID_MAP_NONE. */
static uint32_t pause_of(const struct heap_spans *spans, const struct heap_span_thread *thread,
                         uint32_t open_count)
{
    for (uint32_t i = 0; i < open_count; i++) {
        if (spans->spans.at[thread->open[i].span].kind == PROFILE_PAUSE) {
            return thread->open[i].span;
        }
    }
    return ID_MAP_NONE;
}

static uint32_t mark_at(const struct heap_spans *spans, uint64_t time_ns)
{
    size_t at = spans->marks.count;
    while (at > 0 && spans->spans.at[spans->marks.at[at - 1]].at_ns > time_ns) {
        at -= 1;
    }
    return at > 0 ? spans->marks.at[at - 1] : ID_MAP_NONE;
}

void heap_spans_count(struct heap_spans *spans, const struct heap_event *event, uint32_t site,
                      const struct profile_calls *added, struct heap_hist_budget *budget)
{
    const struct heap_span_thread *thread = thread_of(spans, event);
    uint32_t open_count =
        thread->open_count < HEAP_SPANS_OPEN_MAX ? thread->open_count : HEAP_SPANS_OPEN_MAX;
    uint32_t pause = pause_of(spans, thread, open_count);
    if (pause != ID_MAP_NONE) {
        add_to(spans, pause, event, site, added, budget);
        return;
    }
    uint32_t mark = mark_at(spans, event->time_ns);
    if (mark != ID_MAP_NONE) {
        add_to(spans, mark, event, site, added, budget);
    }
    for (uint32_t i = 0; i < open_count; i++) {
        if (!is_open_before(thread, i)) {
            add_to(spans, thread->open[i].span, event, site, added, budget);
        }
    }
}

static void forget(struct profile *profile)
{
    for (size_t i = 0; i < profile->span_calls.count; i++) {
        hist_finish(&profile->span_calls.at[i].latency);
    }
    profile->span_calls.count = 0;
    profile->spans.count = 0;
}

void heap_spans_settle(const struct heap_spans *spans, struct profile *profile)
{
    if (!spans->is_used) {
        return;
    }
    forget(profile);
    for (size_t i = 0; i < spans->spans.count; i++) {
        *MEM_PUSH(&profile->spans) = spans->spans.at[i];
    }
    for (size_t i = 0; i < spans->calls.count; i++) {
        const struct heap_span_call *from = &spans->calls.at[i];
        struct profile_span_call *into = MEM_PUSH(&profile->span_calls);
        *into = (struct profile_span_call){
            .span = from->span, .site = from->site, .call = from->call, .counts = from->counts};
        heap_hist_read(&from->latency, &into->latency);
    }
}

void heap_spans_finish(struct heap_spans *spans)
{
    for (size_t i = 0; i < spans->calls.count; i++) {
        heap_hist_finish(&spans->calls.at[i].latency);
    }
    free(spans->spans.at);
    free(spans->marks.at);
    free(spans->threads.at);
    free(spans->calls.at);
    id_map_finish(&spans->phase_map);
    id_map_finish(&spans->thread_map);
    id_map_finish(&spans->call_map);
    *spans = (struct heap_spans){0};
}
