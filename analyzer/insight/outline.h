/*
 * outline - what of a profile is carried to a reader who has no recording: the call sites worth a
 * row, the paths and frames that they need, the pairs worth a row, and the sums of what was left
 * out. With a limit, sites that are below one part in ten thousand of every total are left out once
 * there are more than so many.
 * Pure: nothing is printed or read here. The profile and the selection are borrowed.
 */
#ifndef ALLOCTRAP_INSIGHT_OUTLINE_H
#define ALLOCTRAP_INSIGHT_OUTLINE_H

#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"
#include "insight/select.h"

enum { OUTLINE_PART = 10000, OUTLINE_PAIRS_MAX = 1000 };

/* What was left out, added up. */
struct outline_rest {
    uint64_t sites;
    struct profile_calls counts;
    uint64_t ns; /* net of the clock */
    uint64_t freed;
    uint64_t temporaries;
    uint64_t peak_bytes;
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t pairs;
    uint64_t pair_blocks;
};

struct outline {
    uint32_t *sites; /* with calls; most allocations first */
    size_t site_count;
    MEM_ARRAY(uint32_t) paths;  /* the profile's paths; item 0 is the root; parents come first */
    MEM_ARRAY(uint32_t) frames; /* the profile's frames */
    MEM_ARRAY(uint32_t) pairs;  /* the profile's pairs, most blocks first */
    uint32_t *place_of_path;    /* index into paths; 0 = not carried */
    uint32_t *place_of_frame;   /* index into frames, + 1; 0 = not carried */
    uint32_t *place_of_site;    /* index into sites, + 1; 0 = not carried */
    struct hist size;           /* of all sites that are kept by the selection */
    struct hist life_ns;
    struct hist life_allocs;
    struct outline_rest rest;
};

/* limit: 0 = leave nothing out. */
struct outline outline_make(const struct profile *profile, const struct selection *selection,
                            size_t limit);
void outline_finish(struct outline *outline);

#endif
