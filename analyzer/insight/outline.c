#include "insight/outline.h"

#include <stdlib.h>

#include "insight/latency.h"
#include "insight/rank.h"

/* What a site is measured by, in the order of the sums in a struct outline_totals. */
enum { VALUES = RANK_P99 + 1, VALUE_FREES = RANK_P99 };

static uint64_t value_of(const struct profile *p, const struct selection *s, uint32_t site, int key)
{
    return key == VALUE_FREES ? s->site_totals[site].frees
                              : rank_value(p, s, site, (enum rank_key)key);
}

/* From how much of each value on a site is worth a row. */
static void set_least(const struct profile *p, const struct selection *s, const uint32_t *sites,
                      size_t count, uint64_t ret_least[VALUES])
{
    for (int key = 0; key < VALUES; key++) {
        uint64_t total = 0;
        for (size_t i = 0; i < count; i++) {
            total += value_of(p, s, sites[i], key);
        }
        ret_least[key] = total / OUTLINE_PART + 1;
    }
}

static bool is_worth_a_row(const struct profile *p, const struct selection *s, uint32_t site,
                           const uint64_t least[VALUES])
{
    for (int key = 0; key < VALUES; key++) {
        if (value_of(p, s, site, key) >= least[key]) {
            return true;
        }
    }
    return false;
}

/* The slowest calls are shown with their sites, however small these are. */
static bool *sites_of_slow_calls(const struct profile *p)
{
    bool *is_slow = mem_zero(p->sites.count, sizeof *is_slow);
    for (size_t i = 0; i < p->slow_calls.count; i++) {
        is_slow[p->slow_calls.at[i].site] = true;
    }
    return is_slow;
}

static void leave_out(struct outline_rest *rest, const struct profile *p, const struct selection *s,
                      uint32_t id)
{
    const struct profile_site *site = &p->sites.at[id];
    const struct profile_calls *sum = &s->site_totals[id];
    rest->sites += 1;
    profile_calls_add(&rest->counts, sum);
    rest->ns += latency_net(sum->ns, sum->calls, p->run.clock_cost_ps);
    rest->freed += site->freed;
    rest->temporaries += site->temporaries;
    rest->peak_bytes += site->peak_bytes;
    rest->live_bytes += site->live_bytes;
    rest->live_blocks += site->live_blocks;
}

static void choose_sites(struct outline *o, const struct profile *p, const struct selection *s,
                         size_t limit)
{
    o->site_count = rank_sites(p, s, RANK_ALLOCATIONS, true, &o->sites);
    for (size_t i = 0; i < o->site_count; i++) {
        const struct profile_site *site = &p->sites.at[o->sites[i]];
        hist_merge(&o->size, &site->size);
        hist_merge(&o->life_ns, &site->life_ns);
        hist_merge(&o->life_allocs, &site->life_allocs);
    }
    if (limit != 0 && o->site_count > limit) {
        uint64_t least[VALUES];
        bool *is_slow = sites_of_slow_calls(p);
        size_t kept = 0;
        set_least(p, s, o->sites, o->site_count, least);
        for (size_t i = 0; i < o->site_count; i++) {
            uint32_t id = o->sites[i];
            if (is_slow[id] || is_worth_a_row(p, s, id, least)) {
                o->sites[kept++] = id;
            } else {
                leave_out(&o->rest, p, s, id);
            }
        }
        o->site_count = kept;
        free(is_slow);
    }
    for (size_t i = 0; i < o->site_count; i++) {
        o->place_of_site[o->sites[i]] = (uint32_t)i + 1;
    }
}

/* Marks the paths of the sites and all their parents, then numbers them in their old order, which
 * has parents first. */
static void choose_paths(struct outline *o, const struct profile *p)
{
    for (size_t i = 0; i < o->site_count; i++) {
        uint32_t path = p->sites.at[o->sites[i]].path;
        while (path != 0 && o->place_of_path[path] == 0) {
            o->place_of_path[path] = 1;
            path = p->paths.at[path].parent;
        }
    }
    *MEM_PUSH(&o->paths) = 0;
    for (uint32_t path = 1; path < p->paths.count; path++) {
        if (o->place_of_path[path] == 0) {
            continue;
        }
        uint32_t frame = p->paths.at[path].frame;
        o->place_of_path[path] = (uint32_t)o->paths.count;
        *MEM_PUSH(&o->paths) = path;
        if (o->place_of_frame[frame] == 0) {
            *MEM_PUSH(&o->frames) = frame;
            o->place_of_frame[frame] = (uint32_t)o->frames.count;
        }
    }
}

struct ranked_pair {
    uint64_t blocks;
    uint32_t pair;
};

static int by_blocks(const void *a, const void *b)
{
    const struct ranked_pair *x = a;
    const struct ranked_pair *y = b;
    if (x->blocks != y->blocks) {
        return x->blocks > y->blocks ? -1 : 1;
    }
    return x->pair < y->pair ? -1 : 1;
}

static void choose_pairs(struct outline *o, const struct profile *p)
{
    MEM_ARRAY(struct ranked_pair) ranked = {0};
    for (uint32_t i = 0; i < p->pairs.count; i++) {
        const struct profile_pair *pair = &p->pairs.at[i];
        if (o->place_of_site[pair->alloc_site] != 0 && o->place_of_site[pair->free_site] != 0) {
            *MEM_PUSH(&ranked) = (struct ranked_pair){pair->count, i};
        } else {
            o->rest.pairs += 1;
            o->rest.pair_blocks += pair->count;
        }
    }
    if (ranked.count > 1) {
        qsort(ranked.at, ranked.count, sizeof *ranked.at, by_blocks);
    }
    for (size_t i = 0; i < ranked.count; i++) {
        if (i < OUTLINE_PAIRS_MAX) {
            *MEM_PUSH(&o->pairs) = ranked.at[i].pair;
        } else {
            o->rest.pairs += 1;
            o->rest.pair_blocks += ranked.at[i].blocks;
        }
    }
    free(ranked.at);
}

struct outline outline_make(const struct profile *profile, const struct selection *selection,
                            size_t limit)
{
    struct outline o = {0};
    o.place_of_path = mem_zero(profile->paths.count, sizeof *o.place_of_path);
    o.place_of_frame = mem_zero(profile->frames.count, sizeof *o.place_of_frame);
    o.place_of_site = mem_zero(profile->sites.count, sizeof *o.place_of_site);
    choose_sites(&o, profile, selection, limit);
    choose_paths(&o, profile);
    choose_pairs(&o, profile);
    return o;
}

void outline_finish(struct outline *outline)
{
    free(outline->sites);
    free(outline->paths.at);
    free(outline->frames.at);
    free(outline->pairs.at);
    free(outline->place_of_path);
    free(outline->place_of_frame);
    free(outline->place_of_site);
    hist_finish(&outline->size);
    hist_finish(&outline->life_ns);
    hist_finish(&outline->life_allocs);
    *outline = (struct outline){0};
}
