/*
 * rank - call sites in the order a reader asked for.
 */
#ifndef ALLOCTRAP_INSIGHT_RANK_H
#define ALLOCTRAP_INSIGHT_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"
#include "insight/select.h"

/* What `alloctrap report --sort` takes. */
enum rank_key {
    RANK_ALLOCATIONS,
    RANK_BYTES,
    RANK_PEAK,
    RANK_LIVE,
    RANK_TEMPORARIES,
    RANK_TIME,
    RANK_P99
};

/* The key's name on the command line; false when there is none. */
bool rank_key_parse(const char *name, enum rank_key *ret);
const char *rank_key_name(enum rank_key key);

/* The site's number for a key; times are net of the clock. */
uint64_t rank_value(const struct profile *profile, const struct selection *selection, uint32_t site,
                    enum rank_key key);

/* Kept sites that have something to show for the key, largest first, ties by allocations, bytes,
 * id; free(*ret_sites). all: those with nothing to show come too, last. */
size_t rank_sites(const struct profile *profile, const struct selection *selection,
                  enum rank_key key, bool all, uint32_t **ret_sites);

#endif
