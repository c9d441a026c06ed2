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

static bool is_of(const struct heap_span_thread *thread, const struct heap_event *event)
{
    return thread->process == event->process && thread->id == event->thread;
}

static struct heap_span_thread *thread_of(struct heap_spans *spans, const struct heap_event *event)
{
    uint32_t at = spans->last_thread;
    if (at < spans->threads.count && is_of(&spans->threads.at[at], event)) {
        return &spans->threads.at[at];
    }
    at = id_map_find(&spans->thread_map, event->process, event->thread);
    if (at == ID_MAP_NONE) {
        at = (uint32_t)spans->threads.count;
        *MEM_PUSH(&spans->threads) =
            (struct heap_span_thread){.process = event->process, .id = event->thread};
        id_map_put(&spans->thread_map, event->process, event->thread, at);
    }
    spans->last_thread = at;
    return &spans->threads.at[at];
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

static bool is_in(const uint32_t *items, uint32_t count, uint32_t item)
{
    for (uint32_t i = 0; i < count; i++) {
        if (items[i] == item) {
            return true;
        }
    }
    return false;
}

/* A phase of the thread has begun or ended. */
static void note_spans(const struct heap_spans *spans, struct heap_span_thread *thread)
{
    thread->is_paused = false;
    thread->span_count = 0;
    for (uint32_t i = 0; i < thread->open_count && i < HEAP_SPANS_OPEN_MAX; i++) {
        uint32_t span = thread->open[i].span;
        if (spans->spans.at[span].kind == PROFILE_PAUSE) {
            thread->is_paused = true;
            thread->span_count = 1;
            thread->spans[0] = span;
            return;
        }
        if (!is_in(thread->spans, thread->span_count, span)) {
            thread->spans[thread->span_count++] = span;
        }
    }
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
    note_spans(spans, thread);
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
            note_spans(spans, thread);
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

/* What call_of() gives, nearly always by a look at what the site had last. */
static inline struct heap_span_call *call_again(struct heap_spans *spans, uint32_t span,
                                                uint32_t site, uint8_t call)
{
    while (spans->last_calls_1.count <= site) {
        (void)MEM_PUSH(&spans->last_calls_1);
    }
    uint32_t *last_1 = &spans->last_calls_1.at[site];
    if (*last_1 != 0) {
        struct heap_span_call *last = &spans->calls.at[*last_1 - 1];
        if (last->span == span && last->call == call) {
            return last;
        }
    }
    struct heap_span_call *found = call_of(spans, span, site, call);
    *last_1 = (uint32_t)(found - spans->calls.at) + 1;
    return found;
}

static inline void add_to(struct heap_spans *spans, uint32_t span, const struct heap_event *event,
                          uint32_t site, uint64_t bytes, const struct profile_calls *odd,
                          struct heap_hist_budget *budget)
{
    struct heap_span_call *call = call_again(spans, span, site, event->call);
    call->bytes += bytes;
    if (odd != NULL) {
        heap_odd_add(&call->odd, odd);
    }
    if (odd == NULL || odd->calls != 0) {
        uint16_t code = event->latency < LOGLIN_CODES ? event->latency : LOGLIN_CODES - 1;
        heap_hist_add(&call->latency, code, budget);
    }
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
                      uint64_t bytes, const struct profile_calls *odd,
                      struct heap_hist_budget *budget)
{
    const struct heap_span_thread *thread = thread_of(spans, event);
    uint32_t mark = thread->is_paused ? ID_MAP_NONE : mark_at(spans, event->time_ns);
    if (mark != ID_MAP_NONE) {
        add_to(spans, mark, event, site, bytes, odd, budget);
    }
    for (uint32_t i = 0; i < thread->span_count; i++) {
        add_to(spans, thread->spans[i], event, site, bytes, odd, budget);
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
        *into =
            (struct profile_span_call){.span = from->span, .site = from->site, .call = from->call};
        heap_hist_read(&from->latency, &into->latency);
        into->counts = heap_odd_counts(&from->odd, from->call, from->bytes, &into->latency);
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
    free(spans->last_calls_1.at);
    id_map_finish(&spans->phase_map);
    id_map_finish(&spans->thread_map);
    id_map_finish(&spans->call_map);
    *spans = (struct heap_spans){0};
}
