/*
 * select - which call sites a report is about: --focus and --ignore, and the sums over what is
 * left. Without a filter the sums are the recording's own.
 */
#ifndef ALLOCTRAP_INSIGHT_SELECT_H
#define ALLOCTRAP_INSIGHT_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "heap/profile.h"

/* POSIX extended regular expressions over functions, files and modules of the stack; NULL: none. */
struct select_rule {
    const char *focus;  /* keep the sites that match anywhere in their stack */
    const char *ignore; /* then drop those that match this */
};

struct selection {
    bool is_filtered;
    bool *is_kept;                     /* for each site */
    struct profile_calls *site_totals; /* for each site: all functions together */
    uint32_t kept;                     /* sites that allocate or free, and are kept */
    uint32_t all;
    struct profile_totals totals; /* of the kept ones; the peak is their part of the whole's */
    struct profile_calls calls[CALL_COUNT];
    struct hist call_latency[CALL_COUNT];
};

/* A bad expression is ERR_USAGE with the library's words for it. */
ERR_CHECKED enum err_code select_sites(const struct profile *profile,
                                       const struct select_rule *rule, struct selection *ret,
                                       struct err *reterr);

/* The allocator time of what is selected, net of the clock. */
uint64_t select_net_ns(const struct selection *selection, const struct profile *profile);

/* Calls have times: not so with --latency=off. A recording without a call has them too: none. */
bool select_is_timed(const struct profile *profile);

/* Calls of free() and its kin that had no block to free, such as free(NULL). */
uint64_t select_null_frees(const struct selection *selection);
void select_finish(struct selection *selection);

#endif
