#include "heap/heap_site.h"

#include <stdlib.h>
#include <string.h>

enum { SITES_FIRST = 64 };

static void make_room(struct heap_sites *sites, uint32_t site)
{
    uint32_t room = sites->site_room == 0 ? SITES_FIRST : sites->site_room;
    while (room <= site) {
        room *= 2;
    }
    struct heap_site *larger = mem_large(room, sizeof *larger);
    if (sites->site_count != 0) {
        memcpy(larger, sites->sites, sites->site_count * sizeof *larger);
    }
    free(sites->sites);
    sites->sites = larger;
    sites->site_room = room;
}

void heap_sites_reach(struct heap_sites *sites, const struct profile *profile, uint32_t site)
{
    if (site >= sites->site_room) {
        make_room(sites, site);
    }
    for (; sites->site_count <= site; sites->site_count++) {
        sites->sites[sites->site_count] =
            (struct heap_site){.path = profile->sites.at[sites->site_count].path};
        (void)MEM_PUSH(&sites->rests);
    }
}

struct heap_call *heap_sites_find_call(struct heap_sites *sites, uint32_t site, uint8_t call)
{
    struct heap_call *own = &sites->sites[site].own;
    if (own->call_1 == 0) {
        own->site = site;
        own->call_1 = call + 1U;
        return own;
    }
    uint32_t found = id_map_find(&sites->call_map, site, call);
    if (found == ID_MAP_NONE) {
        found = (uint32_t)sites->calls.count;
        *MEM_PUSH(&sites->calls) = (struct heap_call){.site = site, .call_1 = call + 1U};
        (void)MEM_PUSH(&sites->odds);
        id_map_put(&sites->call_map, site, call, found);
    }
    return &sites->calls.at[found];
}

static uint32_t find_pair(struct heap_sites *sites, uint32_t alloc_site, uint32_t free_site)
{
    uint32_t found = id_map_find(&sites->pair_map, alloc_site, free_site);
    if (found != ID_MAP_NONE) {
        return found;
    }
    if (sites->pairs.count >= PROFILE_PAIRS_MAX && (alloc_site != 0 || free_site != 0)) {
        return find_pair(sites, 0, 0);
    }
    found = (uint32_t)sites->pairs.count;
    struct profile_pair *pair = MEM_PUSH(&sites->pairs);
    pair->alloc_site = alloc_site;
    pair->free_site = free_site;
    id_map_put(&sites->pair_map, alloc_site, free_site, found);
    return found;
}

void heap_sites_take_pair(struct heap_sites *sites, const struct profile *profile,
                          uint32_t alloc_site, uint32_t free_site)
{
    struct heap_site *s = &sites->sites[alloc_site];
    s->last_pair = find_pair(sites, alloc_site, free_site) + 1;
    s->last_free_site = free_site;
    s->has_last_caller =
        profile->paths.at[s->path].parent == profile->paths.at[sites->sites[free_site].path].parent;
}

/* dst keeps its histogram's memory. */
static void copy_growth(const struct profile_growth *from, struct profile_growth *into)
{
    struct hist last_size = into->last_size;
    last_size.bin_count = 0;
    last_size.count = 0;
    hist_merge(&last_size, &from->last_size);
    *into = *from;
    into->last_size = last_size;
}

static void settle_site(const struct heap_sites *sites, size_t id, struct profile_site *into)
{
    const struct heap_site *from = &sites->sites[id];
    const struct heap_site_rest *rest = &sites->rests.at[id];
    bool is_saved = from->peak_epoch == sites->peak_epoch;
    into->temporaries = from->temporaries;
    into->peak_bytes = is_saved ? rest->peak_bytes : from->live_bytes;
    into->peak_blocks = is_saved ? rest->peak_blocks : from->live_blocks;
    into->live_bytes = rest->ended_bytes + from->live_bytes;
    into->live_blocks = rest->ended_blocks + from->live_blocks;
    into->max_bytes = from->max_bytes;
    into->max_blocks = from->max_blocks;
    into->held_byte_us = from->held_byte_us;
    into->burst_frees = rest->burst_frees;
    into->bursts = rest->bursts;
    into->replaced = rest->replaced;
    memcpy(into->live_in_quarter, rest->ended_in_quarter, sizeof into->live_in_quarter);
    heap_hist_read(&from->size, &into->size);
    heap_hist_read(&from->life_ns, &into->life_ns);
    heap_hist_read(&from->life_allocs, &into->life_allocs);
    into->freed = rest->ended_untold + into->life_ns.count;
    copy_growth(&rest->growth, &into->growth);
}

struct profile_calls heap_odd_counts(const struct heap_odd *odd, uint8_t call, uint64_t bytes,
                                     const struct hist *latency)
{
    uint64_t plain = latency->count - odd->calls;
    bool is_free = hook_call_effect(call) == HOOK_EFFECT_FREE;
    struct profile_calls counts = {
        .calls = latency->count,
        .allocs = odd->allocs + (is_free ? 0 : plain),
        .frees = odd->frees + (is_free ? plain : 0),
        .failed = odd->failed,
        .bytes = bytes,
        .ns_max = hist_max(latency),
    };
    for (uint32_t i = 0; i < latency->bin_count; i++) {
        counts.ns += latency->bins[i].count * loglin_value(latency->bins[i].code);
    }
    return counts;
}

/* A function's latencies at all sites: a counter for each code, NULL while there is none. */
struct call_sums {
    uint64_t *counts[CALL_COUNT];
};

static void add_latency(struct call_sums *sums, uint8_t call, const struct hist *latency)
{
    if (sums->counts[call] == NULL) {
        sums->counts[call] = mem_zero(LOGLIN_CODES, sizeof *sums->counts[call]);
    }
    for (uint32_t i = 0; i < latency->bin_count; i++) {
        sums->counts[call][latency->bins[i].code] += latency->bins[i].count;
    }
}

static void settle_call(const struct heap_call *from, const struct heap_odd *odd,
                        struct profile *profile, struct call_sums *sums)
{
    uint8_t call = (uint8_t)(from->call_1 - 1);
    struct profile_site_call *into = profile_site_call(profile, from->site, call);
    heap_hist_read(&from->latency, &into->latency);
    into->counts = heap_odd_counts(odd, call, from->bytes, &into->latency);
    profile_calls_add(&profile->calls[call], &into->counts);
    add_latency(sums, call, &into->latency);
}

static void settle_sums(struct call_sums *sums, struct profile *profile)
{
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        struct hist *latency = &profile->call_latency[call];
        latency->bin_count = 0;
        latency->count = 0;
        for (unsigned code = 0; sums->counts[call] != NULL && code < LOGLIN_CODES; code++) {
            hist_add(latency, (uint16_t)code, sums->counts[call][code]);
        }
        free(sums->counts[call]);
    }
}

static void settle_calls(const struct heap_sites *sites, struct profile *profile)
{
    struct call_sums sums = {{NULL}};
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        profile->calls[i] = (struct profile_calls){0};
    }
    for (size_t i = 0; i < sites->site_count; i++) {
        if (sites->sites[i].own.call_1 != 0) {
            settle_call(&sites->sites[i].own, &sites->rests.at[i].odd, profile, &sums);
        }
    }
    for (size_t i = 0; i < sites->calls.count; i++) {
        settle_call(&sites->calls.at[i], &sites->odds.at[i], profile, &sums);
    }
    settle_sums(&sums, profile);
}

void heap_sites_settle(const struct heap_sites *sites, const struct heap_growth *growth,
                       struct profile *profile)
{
    for (size_t i = 0; i < sites->site_count; i++) {
        settle_site(sites, i, &profile->sites.at[i]);
    }
    for (size_t i = 0; i < growth->chains.count; i++) {
        const struct heap_chain *chain = &growth->chains.at[i];
        if (chain->steps != 0) {
            heap_growth_fold(chain, &profile->sites.at[chain->site].growth);
        }
    }
    settle_calls(sites, profile);
    for (size_t i = 0; i < sites->pairs.count; i++) {
        const struct profile_pair *pair = &sites->pairs.at[i];
        *profile_pair_any(profile, pair->alloc_site, pair->free_site) = *pair;
    }
}

void heap_sites_finish(struct heap_sites *sites)
{
    for (size_t i = 0; i < sites->site_count; i++) {
        struct heap_site *site = &sites->sites[i];
        heap_hist_finish(&site->own.latency);
        heap_hist_finish(&site->size);
        heap_hist_finish(&site->life_ns);
        heap_hist_finish(&site->life_allocs);
        hist_finish(&sites->rests.at[i].growth.last_size);
    }
    for (size_t i = 0; i < sites->calls.count; i++) {
        heap_hist_finish(&sites->calls.at[i].latency);
    }
    free(sites->sites);
    free(sites->rests.at);
    free(sites->calls.at);
    free(sites->odds.at);
    free(sites->pairs.at);
    id_map_finish(&sites->call_map);
    id_map_finish(&sites->pair_map);
    *sites = (struct heap_sites){0};
}
