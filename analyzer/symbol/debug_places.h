/*
 * debug_places - whether better names for a file may have come: a number that changes when the file
 * is exchanged, or anything appears in a folder where libdwfl looks for its debug file (beside it,
 * in .debug there, under /usr/lib/debug by name and by build-id).
 * Threads: any.
 */
#ifndef ALLOCTRAP_SYMBOL_DEBUG_PLACES_H
#define ALLOCTRAP_SYMBOL_DEBUG_PLACES_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* 0 = it cannot be told: no such file, no build-id, or something was changed so short a time before
 * now_s (of time()) that the next change may have the same time. path is absolute. */
uint64_t debug_places_stamp(const char *path, const uint8_t *build_id, size_t build_id_len,
                            time_t now_s);

#endif
