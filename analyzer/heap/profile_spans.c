#include "heap/profile_spans.h"

#include <stdlib.h>

#include "heap/id_map.h"

const char *profile_span_kind_name(uint32_t kind)
{
    static const char *const names[PROFILE_SPAN_KINDS] = {[PROFILE_MARK] = "mark",
                                                          [PROFILE_MARK_REST] = "rest of the marks",
                                                          [PROFILE_PHASE] = "phase",
                                                          [PROFILE_PAUSE] = "pause",
                                                          [PROFILE_FORBID] = "forbidden zone"};
    return kind < PROFILE_SPAN_KINDS ? names[kind] : "?";
}

/* Spans by what tells them: kind, name, and how many alike stand before. */
struct spans_by_name {
    struct mem_strings *names;
    struct id_map ids;
    struct id_map counts; /* of (kind, name) so far */
};

struct span_place {
    uint64_t kind_and_rank;
    const char *name; /* of spans_by_name.names: equal texts, equal pointers */
};

/* Of the next span of a profile. */
static struct span_place next_place(struct spans_by_name *s, const struct profile_span *span)
{
    const char *name = mem_strings_keep(s->names, span->name);
    uint32_t count = id_map_find(&s->counts, span->kind, (uintptr_t)name);
    uint32_t rank = count == ID_MAP_NONE ? 0 : count;
    id_map_put(&s->counts, span->kind, (uintptr_t)name, rank + 1);
    return (struct span_place){(uint64_t)span->kind << 32 | rank, name};
}

/* The spans of `into` that are those of `from`, added where they are missing; free() them. */
static uint32_t *map_spans(struct profile *into, const struct profile *from)
{
    struct spans_by_name s = {.names = into->strings};
    uint32_t *spans = mem_zero(from->spans.count + 1, sizeof *spans);
    for (uint32_t i = 0; i < into->spans.count; i++) {
        struct span_place place = next_place(&s, &into->spans.at[i]);
        id_map_put(&s.ids, place.kind_and_rank, (uintptr_t)place.name, i);
    }
    id_map_clear(&s.counts);
    for (size_t i = 0; i < from->spans.count; i++) {
        const struct profile_span *wanted = &from->spans.at[i];
        struct span_place place = next_place(&s, wanted);
        spans[i] = id_map_find(&s.ids, place.kind_and_rank, (uintptr_t)place.name);
        if (spans[i] == ID_MAP_NONE) {
            spans[i] = (uint32_t)into->spans.count;
            *MEM_PUSH(&into->spans) = (struct profile_span){
                .kind = wanted->kind, .name = place.name, .at_ns = wanted->at_ns};
        }
    }
    id_map_finish(&s.counts);
    id_map_finish(&s.ids);
    return spans;
}

static uint64_t key_of(uint32_t site, uint8_t call)
{
    return (uint64_t)site << 8 | call;
}

void profile_spans_merge(struct profile *into, const struct profile *from, const uint32_t *sites)
{
    struct id_map map = {0};
    uint32_t *spans = map_spans(into, from);
    for (uint32_t i = 0; i < into->span_calls.count; i++) {
        const struct profile_span_call *c = &into->span_calls.at[i];
        id_map_put(&map, c->span, key_of(c->site, c->call), i);
    }
    for (size_t i = 0; i < from->spans.count; i++) {
        struct profile_span *span = &into->spans.at[spans[i]];
        const struct profile_span *other = &from->spans.at[i];
        span->at_ns = other->at_ns < span->at_ns ? other->at_ns : span->at_ns;
        span->times += other->times;
        span->ns += other->ns;
        span->units += other->units;
    }
    for (size_t i = 0; i < from->span_calls.count; i++) {
        const struct profile_span_call *c = &from->span_calls.at[i];
        uint64_t key = key_of(sites[c->site], c->call);
        uint32_t id = id_map_find(&map, spans[c->span], key);
        if (id == ID_MAP_NONE) {
            id = (uint32_t)into->span_calls.count;
            id_map_put(&map, spans[c->span], key, id);
            *MEM_PUSH(&into->span_calls) = (struct profile_span_call){
                .span = spans[c->span], .site = sites[c->site], .call = c->call};
        }
        profile_calls_add(&into->span_calls.at[id].counts, &c->counts);
        hist_merge(&into->span_calls.at[id].latency, &c->latency);
    }
    free(spans);
    id_map_finish(&map);
}
