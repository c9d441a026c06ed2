/*
 * compare - two recordings side by side. Call sites are matched by what survives a rebuild: for
 * each frame the library's file name and the function, from the allocation outwards; no addresses,
 * no lines. The program itself may have another file name on each side; a function that calls
 * itself counts once in a chain; a frame without a name is its file and offset. Sites with the same
 * chain are added up.
 * Pure: nothing is printed or read here. The profiles are borrowed.
 */
#ifndef ALLOCTRAP_INSIGHT_COMPARE_H
#define ALLOCTRAP_INSIGHT_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/profile.h"
#include "insight/latency.h"
#include "insight/site_name.h"

/* COMPARE_SAME is last: it is the least interesting. */
enum compare_change {
    COMPARE_VANISHED,
    COMPARE_APPEARED,
    COMPARE_SHRANK,
    COMPARE_GREW,
    COMPARE_SAME,
    COMPARE_CHANGES
};

struct compare_counts {
    uint64_t allocs;
    uint64_t bytes;
    uint64_t temporaries;
    uint64_t peak_bytes;
    uint64_t live_bytes;
    uint64_t ns; /* net of the clock */
    uint32_t sites;
    uint32_t site; /* the one of them with the most allocations; valid when sites > 0 */
};

/* A call site, or with all its call sites an allocating function: the one that a report shows of a
 * site, the innermost outside the allocator's wrappers. */
struct compare_site {
    enum compare_change change; /* by allocations, where these are equal by bytes */
    struct compare_counts before;
    struct compare_counts after;
};

typedef MEM_ARRAY(struct compare_site) compare_sites;

struct compare_side {
    const struct profile *profile;
    uint64_t ns;                      /* allocator time, net of the clock */
    struct latency calls[CALL_COUNT]; /* per function */
    uint64_t units;                   /* 0 = unknown */
    const char *unit_name;            /* "" = unknown */
};

struct comparison {
    struct compare_side before;
    struct compare_side after;
    compare_sites sites;              /* largest difference in allocations first, then bytes */
    compare_sites functions;          /* in the same order */
    uint32_t counts[COMPARE_CHANGES]; /* sites of each change */
    bool has_change;                  /* allocations or bytes differ in total */
    bool is_certain;                  /* both recordings are whole: totals are exact */
    const struct site_wrappers
        *wrappers; /* which frame of a site to show; NULL: the built-in list */
};

/* units: for both sides, 0 = what the recordings say; unit_name goes with it (NULL = theirs). */
struct comparison *compare_profiles(const struct profile *before, const struct profile *after,
                                    uint64_t units, const char *unit_name);
void compare_destroy(struct comparison *comparison);

#endif
