/*
 * debug_places - the folders where libdwfl looks for a file's debug file by name: beside it, in
 * .debug there, and in /usr/lib/debug and the like. Whether it can find one at all, and whether one
 * may have come.
 * Threads: any.
 */
#ifndef ALLOCTRAP_SYMBOL_DEBUG_PLACES_H
#define ALLOCTRAP_SYMBOL_DEBUG_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "symbol/object.h"

/* False when there is no file of the debug link's name (NULL: the file's own, and .debug) in any of
 * them. */
bool debug_places_have(const char *path, const char *debuglink,
                       const struct object_sources *sources);

/* On this machine: a number that changes when the file is exchanged, or anything appears in one of
 * the folders or in that of its build-id. 0 = it cannot be told: no such file, no build-id,
 * or something was changed so short a time before now_s (of time()) that the next change may have
 * the same time. path is absolute. */
uint64_t debug_places_stamp(const char *path, const uint8_t *build_id, size_t build_id_len,
                            time_t now_s);

#endif
