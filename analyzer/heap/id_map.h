/*
 * id_map - a key of two words -> a 32-bit id: what the profile's look-ups stand on. Open
 * addressing, at most half full, no deletion. Hashes are seeded at random, so that a hostile
 * recording cannot choose its collisions.
 * Owner: whoever holds the struct. Threads: one at a time. All zero is an empty map.
 */
#ifndef ALLOCTRAP_HEAP_ID_MAP_H
#define ALLOCTRAP_HEAP_ID_MAP_H

#include <stddef.h>
#include <stdint.h>

#define ID_MAP_NONE UINT32_MAX

struct id_map_slot;

struct id_map {
    struct id_map_slot *slots;
    size_t slot_count; /* 0 or a power of two */
    size_t used;
    uint64_t seed;
};

/* The id of a key, or ID_MAP_NONE. */
uint32_t id_map_find(const struct id_map *map, uint64_t high, uint64_t low);

/* Adds a key that is not there yet, or replaces its id. id must not be ID_MAP_NONE. */
void id_map_put(struct id_map *map, uint64_t high, uint64_t low, uint32_t id);

/* Forgets all keys and keeps the memory. */
void id_map_clear(struct id_map *map);

void id_map_finish(struct id_map *map);

#endif
