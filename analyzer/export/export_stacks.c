#include "export/export_stacks.h"

#include <stdlib.h>
#include <string.h>

#include "insight/latency.h"

/* Numbers for frames while stacks are collected: (profile frame, which symbol of it) -> id. */
struct builder {
    struct export_stacks *into;
    const struct selection *selection;
    uint32_t *first;    /* for each profile frame: where its symbols stand in `known` */
    uint32_t *known;    /* id + 1; 0 = not used yet */
    uint32_t remainder; /* id + 1 of the made-up frames */
    uint32_t cut;
    struct profile_calls *frees; /* for each site: its calls that free, together */
};

static uint32_t push_frame(struct export_stacks *s, struct site_frame frame, uint32_t code)
{
    char *name = site_function(&frame);
    frame.function = mem_strings_keep(s->strings, name);
    free(name);
    *MEM_PUSH(&s->frames) = (struct export_frame){frame, code};
    return (uint32_t)s->frames.count - 1;
}

static uint32_t made_up(struct export_stacks *s, uint32_t *known, const char *name)
{
    if (*known == 0) {
        struct site_frame frame = {.function = name, .other_name = "", .file = "", .module = ""};
        *known = push_frame(s, frame, EXPORT_NO_CODE) + 1;
    }
    return *known - 1;
}

static uint32_t symbols_of(const struct profile *p, uint32_t frame)
{
    uint32_t count = p->frames.at[frame].symbol_count;
    return count > 0 ? count : 1;
}

static void prepare(struct builder *b, const struct profile *p)
{
    b->first = mem_zero(p->frames.count, sizeof *b->first);
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->frames.count; i++) {
        b->first[i] = count;
        count += symbols_of(p, i);
    }
    b->known = mem_zero(count, sizeof *b->known);
    b->frees = mem_zero(p->sites.count, sizeof *b->frees);
    for (size_t i = 0; i < p->site_calls.count; i++) {
        const struct profile_site_call *sc = &p->site_calls.at[i];
        if (hook_call_effect(sc->call) == HOOK_EFFECT_FREE) {
            profile_calls_add(&b->frees[sc->site], &sc->counts);
        }
    }
}

/* Takes stack (innermost first, one path) and adds its frames, root first. */
static void push_ids(struct builder *b, const struct site_stack *stack, uint32_t path)
{
    struct export_stacks *s = b->into;
    const struct profile *p = s->profile;
    size_t begin = s->ids.count;
    for (size_t i = 0; path != 0; path = p->paths.at[path].parent) {
        uint32_t code = p->paths.at[path].frame;
        for (uint32_t symbol = 0; symbol < symbols_of(p, code); symbol++, i++) {
            uint32_t *known = &b->known[b->first[code] + symbol];
            *known = *known != 0 ? *known : push_frame(s, stack->at[i], code) + 1;
            *MEM_PUSH(&s->ids) = *known - 1;
        }
    }
    if (stack->is_cut) {
        *MEM_PUSH(&s->ids) = made_up(s, &b->cut, "(outer frames were not kept)");
    }
    if (s->ids.count == begin) {
        *MEM_PUSH(&s->ids) = made_up(s, &b->remainder, "(remainder)");
    }
    for (size_t i = begin, j = s->ids.count - 1; i < j; i++, j--) {
        uint32_t id = s->ids.at[i];
        s->ids.at[i] = s->ids.at[j];
        s->ids.at[j] = id;
    }
}

static void fill_values(const struct builder *b, uint32_t id, uint64_t *values)
{
    const struct profile *p = b->into->profile;
    const struct profile_site *site = &p->sites.at[id];
    const struct profile_calls *all = &b->selection->site_totals[id];
    uint64_t cost_ps = p->run.clock_cost_ps;
    values[EXPORT_ALLOCATIONS] = all->allocs;
    values[EXPORT_BYTES] = all->bytes;
    values[EXPORT_PEAK] = site->peak_bytes;
    values[EXPORT_LIVE] = site->live_bytes;
    values[EXPORT_TEMPORARIES] = site->temporaries;
    values[EXPORT_TIME] = latency_net(all->ns, all->calls, cost_ps);
    values[EXPORT_FREE_TIME] = latency_net(b->frees[id].ns, b->frees[id].calls, cost_ps);
    values[EXPORT_PEAK_BLOCKS] = site->peak_blocks;
    values[EXPORT_LIVE_BLOCKS] = site->live_blocks;
    values[EXPORT_FREES] = all->frees;
    values[EXPORT_CALLS] = all->calls;
}

static void add_site(struct builder *b, struct site_stack *loaded, uint32_t id)
{
    struct export_stacks *s = b->into;
    struct export_stack stack = {.site = id};
    uint64_t any = 0;
    fill_values(b, id, stack.values);
    for (size_t i = 0; i < EXPORT_METRICS; i++) {
        any |= stack.values[i];
        s->totals[i] += stack.values[i];
    }
    if (any == 0) {
        return;
    }
    size_t begin = s->ids.count;
    site_stack_load(loaded, s->profile, s->profile->sites.at[id].path);
    push_ids(b, loaded, s->profile->sites.at[id].path);
    stack.count = (uint32_t)(s->ids.count - begin);
    *MEM_PUSH(&s->stacks) = stack;
}

static int by_text(const void *a, const void *b, void *context)
{
    const struct export_frame *frames = context;
    const struct site_frame *x = &frames[*(const uint32_t *)a].at;
    const struct site_frame *y = &frames[*(const uint32_t *)b].at;
    int order = strcmp(x->function, y->function);
    order = order != 0 ? order : strcmp(site_basename(x->module), site_basename(y->module));
    order = order != 0 ? order : strcmp(x->file, y->file);
    if (order == 0 && x->line != y->line) {
        order = x->line < y->line ? -1 : 1;
    }
    if (order == 0 && x->offset != y->offset) {
        order = x->offset < y->offset ? -1 : 1;
    }
    return order != 0 ? order : *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

/* Frames in the order of their text, and the stacks' numbers with them. */
static void sort_frames(struct export_stacks *s)
{
    size_t count = s->frames.count;
    uint32_t *order = mem_zero(count, sizeof *order);
    uint32_t *rank = mem_zero(count, sizeof *rank);
    struct export_frame *sorted = mem_zero(count, sizeof *sorted);
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    qsort_r(order, count, sizeof *order, by_text, s->frames.at);
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = s->frames.at[order[i]];
        rank[order[i]] = i;
    }
    free(s->frames.at);
    s->frames.at = sorted;
    s->frames.room = count;
    for (size_t i = 0; i < s->ids.count; i++) {
        s->ids.at[i] = rank[s->ids.at[i]];
    }
    free(order);
    free(rank);
}

static int by_frames(const void *a, const void *b)
{
    const struct export_stack *x = a;
    const struct export_stack *y = b;
    for (size_t i = 0; i < x->count && i < y->count; i++) {
        if (x->frames[i] != y->frames[i]) {
            return x->frames[i] < y->frames[i] ? -1 : 1;
        }
    }
    if (x->count != y->count) {
        return x->count < y->count ? -1 : 1;
    }
    return x->site < y->site ? -1 : 1;
}

static void sort_stacks(struct export_stacks *s)
{
    size_t at = 0; /* ids do not grow any more: now they can be pointed into */
    for (size_t i = 0; i < s->stacks.count; i++) {
        s->stacks.at[i].frames = &s->ids.at[at];
        at += s->stacks.at[i].count;
    }
    if (s->stacks.count > 1) {
        qsort(s->stacks.at, s->stacks.count, sizeof *s->stacks.at, by_frames);
    }
}

struct export_stacks *export_stacks_create(const struct profile *profile,
                                           const struct selection *selection)
{
    struct export_stacks *s = mem_zero(1, sizeof *s);
    struct builder b = {.into = s, .selection = selection};
    struct site_stack loaded = {0};
    s->profile = profile;
    s->strings = mem_strings_create();
    prepare(&b, profile);
    for (uint32_t i = 0; i < profile->sites.count; i++) {
        if (selection->is_kept[i]) {
            add_site(&b, &loaded, i);
        }
    }
    sort_frames(s);
    sort_stacks(s);
    site_stack_finish(&loaded);
    free(b.first);
    free(b.known);
    free(b.frees);
    return s;
}

void export_stacks_destroy(struct export_stacks *stacks)
{
    if (stacks != NULL) {
        mem_strings_destroy(stacks->strings);
        free(stacks->frames.at);
        free(stacks->stacks.at);
        free(stacks->ids.at);
        free(stacks);
    }
}
