/*
 * cache - what was found out about files before, by build-id: one SQLite file for each build in
 * $XDG_CACHE_HOME/alloctrap/symbols (default ~/.cache). Only answers that cannot get better are
 * kept, see object_answer. Several recorders may use it at once; a damaged file is thrown away.
 * A cache that cannot be used is no error: everything is looked up again.
 * ALLOCTRAP_SYMBOL_CACHE=off turns it off.
 */
#ifndef ALLOCTRAP_SYMBOL_CACHE_H
#define ALLOCTRAP_SYMBOL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/worker.h"

struct cache;

/* NULL when there is none to use: no build-id, turned off, not our folder, no room. */
struct cache *cache_open(const uint8_t *build_id, size_t build_id_len);

/* Commits what was added; NULL is fine. */
void cache_close(struct cache *cache);

/* Calls visit with the lines of one address and `index`; false when it is not in the cache. */
bool cache_find(struct cache *cache, uint64_t address, size_t index, worker_visit *visit,
                void *context);

void cache_add(struct cache *cache, uint64_t address, const struct worker_line *lines,
               size_t count);

#endif
