/*
 * finding_group - what findings are made of: the call sites of one allocating function and source
 * line, added up. The function is the innermost outside the allocator's wrappers and outside what
 * behaves like one (finding_place). Without a line it is the function in its library, without a
 * name the code address.
 * Beside each group the facts of the whole run that its numbers are compared with.
 * Owner: finding_groups_finish(). Pure: profile in, sums out.
 * Units: ns net of the clock's cost.
 */
#ifndef ALLOCTRAP_INSIGHT_FINDING_GROUP_H
#define ALLOCTRAP_INSIGHT_FINDING_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/profile.h"
#include "insight/site_name.h"

struct finding_group {
    const char *key; /* function, file, line: equal in recordings of one build */
    uint32_t site;   /* the one with the most allocations */
    uint32_t place;  /* the function's frame in its stack, as site_stack_load() has it */
    uint32_t sites;
    uint32_t free_site;        /* where most of the blocks are freed; 0 = none are */
    uint64_t free_site_blocks; /* so many */
    uint64_t allocs;
    uint64_t bytes;
    uint64_t alloc_calls; /* allocating calls, failed ones too */
    uint64_t alloc_ns;
    uint64_t free_ns;       /* of freeing its blocks: each at its free site's mean */
    uint64_t cross_free_ns; /* of these: by another thread */
    uint64_t callocs;
    uint64_t calloc_ns;
    uint64_t freed;
    uint64_t temporaries;
    uint64_t same_thread;
    uint64_t same_frame;
    uint64_t peak_bytes;
    uint64_t peak_blocks;
    uint64_t max_blocks; /* sum of its sites' own highest: an upper bound */
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t live_in_quarter[PROFILE_QUARTERS];
    uint64_t held_byte_us;
    uint64_t burst_frees;
    uint64_t bursts;
    uint64_t replaced;
    struct hist size;
    struct hist life_ns;
    struct hist life_allocs;
    struct hist latency; /* of allocating calls, clock cost not subtracted */
    struct profile_growth growth;
    struct profile_slow_cause slow[PROFILE_CAUSES]; /* measured slow calls by cause; [0] is empty */
};

/* The run as a whole. */
struct finding_facts {
    uint64_t allocs;
    uint64_t bytes;
    uint64_t ns;
    uint64_t peak_bytes;
    uint64_t live_bytes;
    uint64_t duration_ns;
    uint64_t held_byte_us;
    uint64_t clock_cost_ps;
    uint64_t malloc_p50_ns; /* 0 = none was timed */
    uint64_t free_p50_ns;
    uint64_t threads;
    bool is_glibc; /* which size classes are meant */
    bool is_jemalloc;
    const struct profile *profile;
};

struct finding_groups {
    struct finding_facts facts;
    MEM_ARRAY(struct finding_group) groups;
    struct mem_strings *names;
};

enum finding_grouping {
    FINDING_BY_SHOWN, /* by the frame that reports show: the same in every recording */
    FINDING_BY_STACK, /* by all frames: each call path for itself */
    FINDING_BY_PLACE  /* as SHOWN, and seeing through what behaves like a wrapper here */
};

/* The profile is borrowed and sealed; wrappers: NULL = the built-in list. */
void finding_groups_load(const struct profile *profile, const struct site_wrappers *wrappers,
                         enum finding_grouping grouping, struct finding_groups *ret);
void finding_groups_finish(struct finding_groups *groups);

/* part * 1000 / whole without overflow; 0 of nothing. */
uint64_t finding_permille(uint64_t part, uint64_t whole);

/* How much of its allocator time goes when so many of its allocations go. */
uint64_t finding_ns_of(const struct finding_group *group, uint64_t calls);

#endif
