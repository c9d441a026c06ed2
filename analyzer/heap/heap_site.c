#include "heap/heap_site.h"

#include <stdlib.h>
#include <string.h>

void heap_sites_reach(struct heap_sites *sites, uint32_t site)
{
    while (sites->sites.count <= site) {
        (void)MEM_PUSH(&sites->sites);
    }
}

static uint32_t find_call(struct heap_sites *sites, uint32_t site, uint8_t call)
{
    uint32_t found = id_map_find(&sites->call_map, site, call);
    if (found == ID_MAP_NONE) {
        found = (uint32_t)sites->calls.count;
        struct heap_call *c = MEM_PUSH(&sites->calls);
        c->site = site;
        c->call = call;
        id_map_put(&sites->call_map, site, call, found);
    }
    return found;
}

struct heap_call *heap_sites_call(struct heap_sites *sites, uint32_t site, uint8_t call)
{
    struct heap_site *s = &sites->sites.at[site];
    if (s->last_call == 0 || sites->calls.at[s->last_call - 1].call != call) {
        s->last_call = find_call(sites, site, call) + 1;
    }
    return &sites->calls.at[s->last_call - 1];
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

struct profile_pair *heap_sites_pair(struct heap_sites *sites, uint32_t alloc_site,
                                     uint32_t free_site)
{
    struct heap_site *s = &sites->sites.at[alloc_site];
    if (s->last_pair == 0 || s->last_free_site != free_site) {
        s->last_pair = find_pair(sites, alloc_site, free_site) + 1;
        s->last_free_site = free_site;
    }
    return &sites->pairs.at[s->last_pair - 1];
}

/* Before a site changes for the first time since the peak: what it held then. */
static void save_peak(const struct heap_sites *sites, struct heap_site *site)
{
    if (site->peak_epoch != sites->peak_epoch) {
        site->peak_epoch = sites->peak_epoch;
        site->peak_bytes = site->live_bytes;
        site->peak_blocks = site->live_blocks;
    }
}

bool heap_sites_begin(struct heap_sites *sites, uint32_t site, uint64_t size, uint64_t time_ns)
{
    struct heap_site *s = &sites->sites.at[site];
    save_peak(sites, s);
    s->live_bytes += size;
    s->live_blocks += 1;
    s->max_bytes = s->live_bytes > s->max_bytes ? s->live_bytes : s->max_bytes;
    s->max_blocks = s->live_blocks > s->max_blocks ? s->live_blocks : s->max_blocks;
    sites->live_bytes += size;
    sites->live_blocks += 1;
    if (sites->live_bytes <= sites->peak_bytes) {
        return false;
    }
    sites->peak_bytes = sites->live_bytes;
    sites->peak_blocks = sites->live_blocks;
    sites->peak_at_ns = time_ns;
    sites->peak_epoch += 1;
    return true;
}

void heap_sites_end(struct heap_sites *sites, uint32_t site, uint64_t size)
{
    struct heap_site *s = &sites->sites.at[site];
    save_peak(sites, s);
    s->live_bytes -= size;
    s->live_blocks -= 1;
    sites->live_bytes -= size;
    sites->live_blocks -= 1;
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

static void settle_site(const struct heap_sites *sites, const struct heap_site *from,
                        struct profile_site *into)
{
    bool is_saved = from->peak_epoch == sites->peak_epoch;
    into->freed = from->freed;
    into->temporaries = from->temporaries;
    into->peak_bytes = is_saved ? from->peak_bytes : from->live_bytes;
    into->peak_blocks = is_saved ? from->peak_blocks : from->live_blocks;
    into->live_bytes = from->ended_bytes + from->live_bytes;
    into->live_blocks = from->ended_blocks + from->live_blocks;
    into->max_bytes = from->max_bytes;
    into->max_blocks = from->max_blocks;
    into->held_byte_us = from->held_byte_us;
    into->burst_frees = from->burst_frees;
    into->bursts = from->bursts;
    into->replaced = from->replaced;
    memcpy(into->live_in_quarter, from->ended_in_quarter, sizeof into->live_in_quarter);
    heap_hist_read(&from->size, &into->size);
    heap_hist_read(&from->life_ns, &into->life_ns);
    heap_hist_read(&from->life_allocs, &into->life_allocs);
    copy_growth(&from->growth, &into->growth);
}

static void settle_calls(const struct heap_sites *sites, struct profile *profile)
{
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        profile->calls[i] = (struct profile_calls){0};
        profile->call_latency[i].bin_count = 0;
        profile->call_latency[i].count = 0;
    }
    for (size_t i = 0; i < sites->calls.count; i++) {
        const struct heap_call *from = &sites->calls.at[i];
        struct profile_site_call *into =
            profile_site_call(profile, from->site, (uint8_t)from->call);
        into->counts = from->counts;
        heap_hist_read(&from->latency, &into->latency);
        profile_calls_add(&profile->calls[from->call], &from->counts);
        hist_merge(&profile->call_latency[from->call], &into->latency);
    }
}

void heap_sites_settle(const struct heap_sites *sites, const struct heap_growth *growth,
                       struct profile *profile)
{
    for (size_t i = 0; i < sites->sites.count; i++) {
        settle_site(sites, &sites->sites.at[i], &profile->sites.at[i]);
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
    for (size_t i = 0; i < sites->sites.count; i++) {
        struct heap_site *site = &sites->sites.at[i];
        heap_hist_finish(&site->size);
        heap_hist_finish(&site->life_ns);
        heap_hist_finish(&site->life_allocs);
        hist_finish(&site->growth.last_size);
    }
    for (size_t i = 0; i < sites->calls.count; i++) {
        heap_hist_finish(&sites->calls.at[i].latency);
    }
    free(sites->sites.at);
    free(sites->calls.at);
    free(sites->pairs.at);
    id_map_finish(&sites->call_map);
    id_map_finish(&sites->pair_map);
    *sites = (struct heap_sites){0};
}
