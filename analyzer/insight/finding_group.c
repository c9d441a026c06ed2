#include "insight/finding_group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap/heap_growth.h"
#include "heap/id_map.h"
#include "insight/finding_place.h"
#include "insight/latency.h"

__extension__ typedef unsigned __int128 wide;

struct loading {
    const struct profile *profile;
    const struct site_wrappers *wrappers;
    enum finding_grouping grouping;
    struct finding_groups *groups;
    struct finding_places places;
    struct id_map map;  /* kept name -> group */
    uint32_t *group_of; /* for each site, + 1; 0 = it allocates nothing */
    uint64_t *free_mean_ns;
    struct site_stack stack;
};

uint64_t finding_permille(uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        return 0;
    }
    wide permille = (wide)part * 1000 / whole;
    return permille > UINT64_MAX ? UINT64_MAX : (uint64_t)permille;
}

uint64_t finding_ns_of(const struct finding_group *group, uint64_t calls)
{
    uint64_t all = group->allocs > calls ? group->allocs : calls;
    wide ns = (wide)group->alloc_ns + group->free_ns;
    return all == 0 ? 0 : (uint64_t)(ns * calls / all);
}

static char *key_of(const struct site_frame *frame)
{
    bool is_known = frame->line != 0;
    bool has_function = frame->function[0] != '\0';
    return mem_format("%s\x1f%s\x1f%" PRIu32 "\x1f%" PRIx64, frame->function,
                      is_known ? frame->file : frame->module, frame->line,
                      has_function ? 0 : frame->offset);
}

/* All frames, from the innermost out. */
static char *key_of_all(const struct site_stack *stack)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    for (size_t i = 0; i < stack->count; i++) {
        char *key = key_of(&stack->at[i]);
        fprintf(out, "%s\n", key);
        free(key);
    }
    fclose(out);
    return text;
}

/* The group of a site, by the frame to talk about. */
static struct finding_group *group_at(struct loading *l, uint32_t site)
{
    size_t place = 0;
    char *key = mem_text("");
    site_stack_load(&l->stack, l->profile, l->profile->sites.at[site].path);
    if (l->stack.count != 0) {
        place = site_stack_shown(&l->stack, l->wrappers);
        if (l->grouping == FINDING_BY_PLACE) {
            place = finding_places_of(&l->places, &l->stack, place);
        }
        free(key);
        key = l->grouping == FINDING_BY_STACK ? key_of_all(&l->stack) : key_of(&l->stack.at[place]);
    }
    const char *kept = mem_strings_keep(l->groups->names, key);
    free(key);
    uint32_t id = id_map_find(&l->map, (uintptr_t)kept, 0);
    bool is_new = id == ID_MAP_NONE;
    if (is_new) {
        id = (uint32_t)l->groups->groups.count;
        struct finding_group *group = MEM_PUSH(&l->groups->groups);
        group->key = kept;
        group->site = site;
        id_map_put(&l->map, (uintptr_t)kept, 0, id);
    }
    struct finding_group *group = &l->groups->groups.at[id];
    if (is_new || l->profile->sites.at[site].allocs > l->profile->sites.at[group->site].allocs) {
        group->site = site;
        group->place = (uint32_t)place;
    }
    l->group_of[site] = id + 1;
    return group;
}

static void add_site(struct finding_group *group, const struct profile *p, uint32_t id)
{
    const struct profile_site *site = &p->sites.at[id];
    group->sites += 1;
    group->allocs += site->allocs;
    group->bytes += site->bytes;
    group->freed += site->freed;
    group->temporaries += site->temporaries;
    group->peak_bytes += site->peak_bytes;
    group->peak_blocks += site->peak_blocks;
    group->max_blocks += site->max_blocks;
    group->live_bytes += site->live_bytes;
    group->live_blocks += site->live_blocks;
    group->burst_frees += site->burst_frees;
    group->bursts += site->bursts;
    group->replaced += site->replaced;
    for (unsigned i = 0; i < PROFILE_QUARTERS; i++) {
        group->live_in_quarter[i] += site->live_in_quarter[i];
    }
    if (__builtin_add_overflow(group->held_byte_us, site->held_byte_us, &group->held_byte_us)) {
        group->held_byte_us = UINT64_MAX;
    }
    hist_merge(&group->size, &site->size);
    hist_merge(&group->life_ns, &site->life_ns);
    hist_merge(&group->life_allocs, &site->life_allocs);
    heap_growth_add(&group->growth, &site->growth);
}

static void add_sites(struct loading *l)
{
    const struct profile *p = l->profile;
    for (uint32_t i = 1; i < p->sites.count; i++) {
        if (p->sites.at[i].allocs != 0) {
            site_stack_load(&l->stack, p, p->sites.at[i].path);
            size_t shown = site_stack_shown(&l->stack, l->wrappers);
            finding_places_add(&l->places, &l->stack, shown, &p->sites.at[i]);
        }
    }
    for (uint32_t i = 1; i < p->sites.count; i++) {
        if (p->sites.at[i].allocs != 0) {
            add_site(group_at(l, i), p, i);
        }
    }
}

static void add_calls(struct loading *l)
{
    const struct profile *p = l->profile;
    for (size_t i = 0; i < p->site_calls.count; i++) {
        const struct profile_site_call *c = &p->site_calls.at[i];
        uint64_t ns = latency_net(c->counts.ns, c->counts.calls, p->run.clock_cost_ps);
        if (hook_call_effect(c->call) == HOOK_EFFECT_FREE) {
            l->free_mean_ns[c->site] = c->counts.calls != 0 ? ns / c->counts.calls : 0;
            continue;
        }
        if (l->group_of[c->site] == 0) {
            continue;
        }
        struct finding_group *group = &l->groups->groups.at[l->group_of[c->site] - 1];
        group->alloc_calls += c->counts.calls;
        group->alloc_ns += ns;
        hist_merge(&group->latency, &c->latency);
        if (c->call == CALL_CALLOC) {
            group->callocs += c->counts.allocs;
            group->calloc_ns += ns;
        }
    }
}

static void add_pairs(struct loading *l)
{
    const struct profile *p = l->profile;
    for (size_t i = 0; i < p->pairs.count; i++) {
        const struct profile_pair *pair = &p->pairs.at[i];
        if (l->group_of[pair->alloc_site] == 0) {
            continue;
        }
        struct finding_group *group = &l->groups->groups.at[l->group_of[pair->alloc_site] - 1];
        uint64_t mean_ns = l->free_mean_ns[pair->free_site];
        group->same_thread += pair->same_thread;
        group->same_frame += pair->same_frame;
        group->free_ns += pair->count * mean_ns;
        if (pair->count > pair->same_thread) {
            group->cross_free_ns += (pair->count - pair->same_thread) * mean_ns;
        }
        if (pair->count > group->free_site_blocks) {
            group->free_site_blocks = pair->count;
            group->free_site = pair->free_site;
        }
    }
}

static void add_causes(struct loading *l)
{
    const struct profile *p = l->profile;
    for (size_t i = 0; i < p->slow_causes.count; i++) {
        const struct profile_slow_cause *from = &p->slow_causes.at[i];
        if (l->group_of[from->site] == 0 || from->cause == PROFILE_CAUSE_NONE) {
            continue;
        }
        struct finding_group *group = &l->groups->groups.at[l->group_of[from->site] - 1];
        struct profile_slow_cause *into = &group->slow[from->cause];
        into->calls += from->calls;
        into->ns += from->ns;
        into->minor_faults += from->minor_faults;
        into->major_faults += from->major_faults;
        into->voluntary += from->voluntary;
        into->involuntary += from->involuntary;
    }
}

static uint64_t median_ns(const struct profile *p, unsigned call)
{
    return latency_net(hist_quantile(&p->call_latency[call], 5000), 1, p->run.clock_cost_ps);
}

static void load_facts(const struct profile *p, struct finding_facts *facts)
{
    uint64_t calls = 0;
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        calls += p->calls[i].calls;
    }
    *facts = (struct finding_facts){
        .profile = p,
        .allocs = p->totals.allocs,
        .bytes = p->totals.bytes,
        .ns = latency_net(p->totals.ns, calls, p->run.clock_cost_ps),
        .peak_bytes = p->totals.peak_bytes,
        .live_bytes = p->totals.live_bytes,
        .duration_ns = p->run.duration_ns,
        .clock_cost_ps = p->run.clock_cost_ps,
        .malloc_p50_ns = median_ns(p, CALL_MALLOC),
        .free_p50_ns = median_ns(p, CALL_FREE),
    };
    for (size_t i = 0; i < p->processes.count; i++) {
        const char *allocator = site_basename(p->processes.at[i].allocator);
        facts->threads += p->processes.at[i].threads;
        facts->is_glibc = facts->is_glibc || strncmp(allocator, "libc.so", 7) == 0;
        facts->is_jemalloc = facts->is_jemalloc || strncmp(allocator, "libjemalloc", 11) == 0;
    }
    for (size_t i = 0; i < p->sites.count; i++) {
        uint64_t held = p->sites.at[i].held_byte_us;
        if (__builtin_add_overflow(facts->held_byte_us, held, &facts->held_byte_us)) {
            facts->held_byte_us = UINT64_MAX;
        }
    }
}

void finding_groups_load(const struct profile *profile, const struct site_wrappers *wrappers,
                         enum finding_grouping grouping, struct finding_groups *ret)
{
    *ret = (struct finding_groups){.names = mem_strings_create()};
    struct loading l = {.profile = profile,
                        .wrappers = wrappers,
                        .grouping = grouping,
                        .groups = ret,
                        .places = {.names = ret->names},
                        .group_of = mem_zero(profile->sites.count, sizeof(uint32_t)),
                        .free_mean_ns = mem_zero(profile->sites.count, sizeof(uint64_t))};
    load_facts(profile, &ret->facts);
    add_sites(&l);
    add_calls(&l);
    add_pairs(&l);
    add_causes(&l);
    site_stack_finish(&l.stack);
    id_map_finish(&l.map);
    finding_places_finish(&l.places);
    free(l.group_of);
    free(l.free_mean_ns);
}

void finding_groups_finish(struct finding_groups *groups)
{
    for (size_t i = 0; i < groups->groups.count; i++) {
        struct finding_group *group = &groups->groups.at[i];
        hist_finish(&group->size);
        hist_finish(&group->life_ns);
        hist_finish(&group->life_allocs);
        hist_finish(&group->latency);
        hist_finish(&group->growth.last_size);
    }
    free(groups->groups.at);
    mem_strings_destroy(groups->names);
    *groups = (struct finding_groups){0};
}
