#include "heap/profile_spans.h"

#include <stdlib.h>
#include <string.h>

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

static bool is_same(const struct profile_span *a, const struct profile_span *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

/* How many spans like this one stand before it. */
static size_t rank_of(const struct profile *p, size_t at)
{
    size_t rank = 0;
    for (size_t i = 0; i < at; i++) {
        rank += is_same(&p->spans.at[i], &p->spans.at[at]);
    }
    return rank;
}

static uint32_t find_or_add(struct profile *into, const struct profile *from, size_t at)
{
    const struct profile_span *wanted = &from->spans.at[at];
    size_t rank = rank_of(from, at);
    for (size_t i = 0; i < into->spans.count; i++) {
        if (is_same(&into->spans.at[i], wanted) && rank-- == 0) {
            return (uint32_t)i;
        }
    }
    struct profile_span *span = MEM_PUSH(&into->spans);
    *span = (struct profile_span){.kind = wanted->kind,
                                  .name = mem_strings_keep(into->strings, wanted->name),
                                  .at_ns = wanted->at_ns};
    return (uint32_t)into->spans.count - 1;
}

static uint64_t key_of(uint32_t site, uint8_t call)
{
    return (uint64_t)site << 8 | call;
}

void profile_spans_merge(struct profile *into, const struct profile *from, const uint32_t *sites)
{
    struct id_map map = {0};
    uint32_t *spans = mem_zero(from->spans.count + 1, sizeof *spans);
    for (uint32_t i = 0; i < into->span_calls.count; i++) {
        const struct profile_span_call *c = &into->span_calls.at[i];
        id_map_put(&map, c->span, key_of(c->site, c->call), i);
    }
    for (size_t i = 0; i < from->spans.count; i++) {
        spans[i] = find_or_add(into, from, i);
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
