#include "heap/id_map.h"

#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "base/mem.h"

enum { SLOTS_FIRST = 64 };

struct id_map_slot {
    uint64_t high;
    uint64_t low;
    uint32_t id_plus_1; /* 0 = free */
    uint32_t pad;
};

static uint64_t hash(uint64_t seed, uint64_t high, uint64_t low)
{
    uint64_t h = (high ^ seed) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ (h >> 32) ^ low) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

/* The slot of a key, or the free slot where it belongs. The map is never full. */
static struct id_map_slot *slot_of(const struct id_map *map, uint64_t high, uint64_t low)
{
    size_t mask = map->slot_count - 1;
    size_t at = hash(map->seed, high, low) & mask;
    while (map->slots[at].id_plus_1 != 0 &&
           (map->slots[at].high != high || map->slots[at].low != low)) {
        at = (at + 1) & mask;
    }
    return &map->slots[at];
}

static void grow(struct id_map *map)
{
    struct id_map_slot *old = map->slots;
    size_t old_count = map->slot_count;
    if (old_count == 0 &&
        getrandom(&map->seed, sizeof map->seed, GRND_NONBLOCK) != (ssize_t)sizeof map->seed) {
        map->seed = (uint64_t)(uintptr_t)map; /* early in a boot: address randomisation must do */
    }
    map->slot_count = old_count == 0 ? SLOTS_FIRST : old_count * 2;
    map->slots = mem_zero(map->slot_count, sizeof *map->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].id_plus_1 != 0) {
            *slot_of(map, old[i].high, old[i].low) = old[i];
        }
    }
    free(old);
}

uint32_t id_map_find(const struct id_map *map, uint64_t high, uint64_t low)
{
    if (map->used == 0) {
        return ID_MAP_NONE;
    }
    return slot_of(map, high, low)->id_plus_1 - 1; /* 0 wraps to ID_MAP_NONE */
}

void id_map_put(struct id_map *map, uint64_t high, uint64_t low, uint32_t id)
{
    if (map->used * 2 >= map->slot_count) {
        grow(map);
    }
    struct id_map_slot *slot = slot_of(map, high, low);
    map->used += slot->id_plus_1 == 0;
    *slot = (struct id_map_slot){.high = high, .low = low, .id_plus_1 = id + 1};
}

void id_map_clear(struct id_map *map)
{
    if (map->used != 0) {
        memset(map->slots, 0, map->slot_count * sizeof *map->slots);
    }
    map->used = 0;
}

void id_map_finish(struct id_map *map)
{
    free(map->slots);
    *map = (struct id_map){0};
}
