/*
 * heap_site - what the heap counts for each call site, for each (site, function) and for each pair
 * of sites, in memory laid out for counting; written into the profile by heap_sites_settle().
 *
 * A site's share of the peak costs nothing while it does not change: each new maximum of the whole
 * recording only raises peak_epoch. The first change of a site after that saves what it held, and
 * a site that did not change since still holds it.
 *
 * Owner: the heap. Threads: one at a time. Units: bytes, ns.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_SITE_H
#define ALLOCTRAP_HEAP_HEAP_SITE_H

#include <stdint.h>

#include "base/mem.h"
#include "heap/heap_growth.h"
#include "heap/heap_hist.h"
#include "heap/id_map.h"
#include "heap/profile.h"

/*
 * One function at one site. A plain event (no flags) costs two additions here: calls, times and
 * what the function does to blocks follow from the latencies. Only odd events are counted.
 */
struct heap_call {
    uint32_t site;
    uint32_t call_1; /* + 1; 0 = none yet */
    uint64_t bytes;  /* requested, of blocks begun */
    struct heap_hist latency;
};

struct heap_odd {
    uint64_t calls; /* of the latencies: of events with flags */
    uint64_t allocs;
    uint64_t frees;
    uint64_t failed;
};

static inline void heap_odd_add(struct heap_odd *odd, const struct profile_calls *added)
{
    odd->calls += added->calls;
    odd->allocs += added->allocs;
    odd->frees += added->frees;
    odd->failed += added->failed;
}

/* All that a function did: what its latencies tell, and what was odd. */
struct profile_calls heap_odd_counts(const struct heap_odd *odd, uint8_t call, uint64_t bytes,
                                     const struct hist *latency);

/* What nearly every event touches: an allocation the first two cache lines of its site, a free the
 * second of its own, and the first and third of the site where the block was born. */
struct heap_site {
    uint64_t live_bytes; /* now */
    uint64_t live_blocks;
    uint64_t peak_epoch; /* the peak that peak_bytes was saved for */
    uint64_t max_bytes;
    uint64_t max_blocks;
    uint64_t held_byte_us;
    uint64_t temporaries;
    uint32_t last_free_site;
    uint32_t last_pair; /* + 1, index into pairs */

    struct heap_call own; /* of the first function that was called there */
    struct heap_hist size;

    struct heap_hist life_ns;
    struct heap_hist life_allocs;
    uint32_t path;
    bool has_last_caller; /* its caller is that of last_free_site */
    uint8_t pad[11];
};
_Static_assert(sizeof(struct heap_site) == 192, "three cache lines");

/* The rest of a site. */
struct heap_site_rest {
    struct heap_odd odd; /* of its own function */
    uint64_t peak_bytes;
    uint64_t peak_blocks;
    uint64_t ended_untold; /* blocks that ended without a lifetime */
    uint64_t ended_bytes;  /* live when their process ended */
    uint64_t ended_blocks;
    uint64_t ended_in_quarter[PROFILE_QUARTERS];
    uint64_t burst_frees;
    uint64_t bursts;
    uint64_t replaced;
    struct profile_growth growth; /* of chains that ended */
};

struct heap_sites {
    struct heap_site *sites; /* by profile site id */
    uint32_t site_count;
    uint32_t site_room;
    MEM_ARRAY(struct heap_site_rest) rests; /* likewise */
    MEM_ARRAY(struct heap_call) calls;      /* what is not its site's first function */
    MEM_ARRAY(struct heap_odd) odds;        /* of calls */
    MEM_ARRAY(struct profile_pair) pairs;
    struct id_map call_map;
    struct id_map pair_map;
    struct heap_hist_budget budget;
    uint64_t live_bytes; /* all sites, now */
    uint64_t live_blocks;
    uint64_t peak_epoch;
    uint64_t peak_bytes;
    uint64_t peak_blocks;
    uint64_t peak_at_ns;
};

/* Makes sites up to and including `site`, which the profile has, exist. */
void heap_sites_reach(struct heap_sites *sites, const struct profile *profile, uint32_t site);

/* HOT. Before a site changes for the first time since the peak: what it held then. */
static inline void heap_sites_save_peak(const struct heap_sites *sites, uint32_t id)
{
    struct heap_site *site = &sites->sites[id];
    if (site->peak_epoch != sites->peak_epoch) {
        site->peak_epoch = sites->peak_epoch;
        sites->rests.at[id].peak_bytes = site->live_bytes;
        sites->rests.at[id].peak_blocks = site->live_blocks;
    }
}

/* HOT. A block of a site lived for ns. Sums that do not fit stay at the highest number. */
static inline void heap_site_held(struct heap_site *site, uint64_t bytes, uint64_t ns)
{
    uint64_t us = (ns / 500 + 1) / 2;
    uint64_t held = 0;
    if (__builtin_mul_overflow(bytes, us, &held) ||
        __builtin_add_overflow(site->held_byte_us, held, &site->held_byte_us)) {
        site->held_byte_us = UINT64_MAX;
    }
}

/* What heap_sites_call() does when it is not the site's first function. */
struct heap_call *heap_sites_find_call(struct heap_sites *sites, uint32_t site, uint8_t call);

/* What heap_sites_pair() does when it is not the one that the site had last: makes it that. */
void heap_sites_take_pair(struct heap_sites *sites, const struct profile *profile,
                          uint32_t alloc_site, uint32_t free_site);

/* HOT. The counters of a function at a site. */
static inline struct heap_call *heap_sites_call(struct heap_sites *sites, uint32_t site,
                                                uint8_t call)
{
    struct heap_call *own = &sites->sites[site].own;
    return own->call_1 == call + 1U ? own : heap_sites_find_call(sites, site, call);
}

/* What heap_sites_call() gave for a site: its counts of odd events. */
static inline struct heap_odd *heap_sites_odd(struct heap_sites *sites,
                                              const struct heap_call *call)
{
    return call == &sites->sites[call->site].own ? &sites->rests.at[call->site].odd
                                                 : &sites->odds.at[call - sites->calls.at];
}

/* HOT. The pair, or the remainder when there are too many; and the site's last one. */
static inline struct profile_pair *heap_sites_pair(struct heap_sites *sites,
                                                   const struct profile *profile,
                                                   uint32_t alloc_site, uint32_t free_site)
{
    struct heap_site *s = &sites->sites[alloc_site];
    if (s->last_pair == 0 || s->last_free_site != free_site) {
        heap_sites_take_pair(sites, profile, alloc_site, free_site);
    }
    return &sites->pairs.at[s->last_pair - 1];
}

/* HOT. A block of a site began to live. */
static inline void heap_sites_begin(struct heap_sites *sites, uint32_t site, uint64_t size,
                                    uint64_t time_ns)
{
    struct heap_site *s = &sites->sites[site];
    heap_sites_save_peak(sites, site);
    s->live_bytes += size;
    s->live_blocks += 1;
    s->max_bytes = s->live_bytes > s->max_bytes ? s->live_bytes : s->max_bytes;
    s->max_blocks = s->live_blocks > s->max_blocks ? s->live_blocks : s->max_blocks;
    sites->live_bytes += size;
    sites->live_blocks += 1;
    if (sites->live_bytes > sites->peak_bytes) {
        sites->peak_bytes = sites->live_bytes;
        sites->peak_blocks = sites->live_blocks;
        sites->peak_at_ns = time_ns;
        sites->peak_epoch += 1;
    }
}

/* HOT. A block of a site is no longer live. */
static inline void heap_sites_end(struct heap_sites *sites, uint32_t site, uint64_t size)
{
    struct heap_site *s = &sites->sites[site];
    heap_sites_save_peak(sites, site);
    s->live_bytes -= size;
    s->live_blocks -= 1;
    sites->live_bytes -= size;
    sites->live_blocks -= 1;
}

/* Writes sites, site_calls, pairs, calls and call latencies into the profile: replaces, so that it
 * can be repeated. Chains still open are counted as they stand. */
void heap_sites_settle(const struct heap_sites *sites, const struct heap_growth *growth,
                       struct profile *profile);

void heap_sites_finish(struct heap_sites *sites);

#endif
