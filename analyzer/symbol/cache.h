/*
 * cache - what was found out about files before, by build-id: one SQLite file for each build in
 * $XDG_CACHE_HOME/alloctrap/symbols (default ~/.cache), those that were used last, 256 MiB
 * together. Answers that could get better, see object_answer, are good as long as nothing has come
 * that could make them better. Several recorders may use it at once; a damaged file is thrown away.
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

/* NULL when there is none to use: no build-id, turned off, not our folder, no room. stamp: of
 * debug_places_stamp(); what could get better is found and kept by the same stamp alone, and not at
 * all with 0. */
struct cache *cache_open(const uint8_t *build_id, size_t build_id_len, uint64_t stamp);

/* Commits what was added; NULL is fine. */
void cache_close(struct cache *cache);

/* Calls visit with the lines of one address and `index`; false when it is not in the cache. One
 * line without a function: nothing is known of it. */
bool cache_find(struct cache *cache, uint64_t address, size_t index, worker_visit *visit,
                void *context);

/* After the last cache_find(): writers waited. NULL is fine. */
void cache_found(struct cache *cache);

/* is_whole: it cannot get better. */
void cache_add(struct cache *cache, uint64_t address, const struct worker_line *lines, size_t count,
               bool is_whole);

#endif
