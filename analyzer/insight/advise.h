/*
 * advise - a profile's findings: every kind is asked about every allocating function, what saves
 * too little is left out, the rest is sorted by what it saves.
 * Pure: profile in, findings out; nothing is read or printed. Definitions: docs/advice.md.
 */
#ifndef ALLOCTRAP_INSIGHT_ADVISE_H
#define ALLOCTRAP_INSIGHT_ADVISE_H

#include "base/mem.h"
#include "insight/finding.h"

enum {
    ADVISE_THRESHOLD_PERMILLE = 10, /* unless told: 1 % of allocations, bytes, time or peak */
    /* Whatever the shares say, less than this is not worth reading about: all of them together. */
    ADVISE_CALLS_MIN = 100,
    ADVISE_BYTES_MIN = 16384,
    ADVISE_NS_MIN = 1000000
};

/* --silence=KIND[:GLOB]: findings of a kind, where the allocating function matches (NULL: all). */
struct advise_silence {
    enum finding_kind kind;
    const char *glob;
};

/* All zero but the threshold: everything is reported. Borrowed. */
struct advise_options {
    uint32_t threshold_permille;
    const struct site_wrappers *wrappers; /* NULL: the built-in list */
    const struct advise_silence *silences;
    size_t silence_count;
};

struct advice {
    MEM_ARRAY(struct finding) findings; /* what saves most first, by its confidence */
    struct finding_facts facts;
    uint32_t threshold_permille;
    uint32_t silenced; /* findings left out because they were told to be */
    uint32_t below;    /* because they save too little */
    struct finding largest_below;
    const char *cannot_tell; /* why nothing can be said: static; NULL = it can */
};

/* The profile is borrowed by the result. */
struct advice *advise_profile(const struct profile *profile, const struct advise_options *options);
void advise_destroy(struct advice *advice);

#endif
