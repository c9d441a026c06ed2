#include "heap/heap_blocks.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "base/mem.h"

enum {
    SLOTS_FIRST = 64,
    CHUNK_BITS = 12, /* 160 KiB of records at a time */
    CHUNK_RECORDS = 1 << CHUNK_BITS,
    CHUNK_FIRST_RECORDS = 64 /* a forked child that allocates ten blocks stays small */
};

#define ADDR_MASK ((UINT64_C(1) << 48) - 1)

static uint32_t hash(const struct heap_blocks *blocks, uint64_t addr)
{
    uint64_t h = (addr ^ blocks->seed) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ (h >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(h >> 32);
}

/* The home of a hash. By its upper bits: growing then moves slots in order, from front to back. */
static uint64_t home(const struct heap_blocks *blocks, uint32_t h)
{
    return (uint64_t)h * blocks->slot_count >> 32;
}

static struct heap_block *record_at(const struct heap_blocks *blocks, uint32_t record)
{
    return &blocks->chunks[record >> CHUNK_BITS][record & (CHUNK_RECORDS - 1)];
}

void heap_blocks_init(struct heap_blocks *blocks)
{
    *blocks = (struct heap_blocks){.slot_count = SLOTS_FIRST};
    blocks->slots = mem_zero(SLOTS_FIRST, sizeof *blocks->slots);
    /* A trace can be hostile: without a secret, addresses could be chosen to collide. */
    if (getrandom(&blocks->seed, sizeof blocks->seed, GRND_NONBLOCK) !=
        (ssize_t)sizeof blocks->seed) {
        blocks->seed = (uint64_t)(uintptr_t)blocks->slots;
    }
}

void heap_blocks_finish(struct heap_blocks *blocks)
{
    for (uint32_t i = 0; i < blocks->chunk_count; i++) {
        free(blocks->chunks[i]);
    }
    free(blocks->chunks);
    free(blocks->slots);
    *blocks = (struct heap_blocks){0};
}

/* The slot that holds addr, or the free slot that ends its run. The index is never full. */
static uint64_t slot_of(const struct heap_blocks *blocks, uint64_t addr, uint32_t h)
{
    uint64_t mask = blocks->slot_count - 1;
    uint64_t at = home(blocks, h);
    for (;; at = (at + 1) & mask) {
        uint64_t slot = blocks->slots[at];
        if (slot == 0) {
            return at;
        }
        if (slot >> 32 == h && record_at(blocks, (uint32_t)slot - 1)->addr == addr) {
            return at;
        }
    }
}

struct heap_block *heap_blocks_find(const struct heap_blocks *blocks, uint64_t addr)
{
    addr &= ADDR_MASK;
    uint64_t slot = blocks->slots[slot_of(blocks, addr, hash(blocks, addr))];
    return slot == 0 ? NULL : record_at(blocks, (uint32_t)slot - 1);
}

static void grow_index(struct heap_blocks *blocks)
{
    uint64_t *old = blocks->slots;
    uint64_t old_count = blocks->slot_count;
    blocks->slot_count = old_count * 2;
    blocks->slots = mem_zero(blocks->slot_count, sizeof *blocks->slots);
    uint64_t mask = blocks->slot_count - 1;
    for (uint64_t i = 0; i < old_count; i++) {
        if (old[i] != 0) {
            uint64_t at = home(blocks, (uint32_t)(old[i] >> 32));
            while (blocks->slots[at] != 0) {
                at = (at + 1) & mask;
            }
            blocks->slots[at] = old[i];
        }
    }
    free(old);
}

static void add_chunk(struct heap_blocks *blocks)
{
    if (blocks->chunk_count == blocks->chunk_room) {
        blocks->chunk_room = blocks->chunk_room == 0 ? 1 : blocks->chunk_room * 2;
        blocks->chunks =
            mem_resize(blocks->chunks, blocks->chunk_room, sizeof(struct heap_block *));
    }
    size_t records = blocks->chunk_count == 0 ? CHUNK_FIRST_RECORDS : CHUNK_RECORDS;
    blocks->chunks[blocks->chunk_count] = mem_resize(NULL, records, sizeof(struct heap_block));
    blocks->chunk_count += 1;
}

static uint32_t take_record(struct heap_blocks *blocks)
{
    if (blocks->free_record != 0) {
        uint32_t record = blocks->free_record - 1;
        blocks->free_record = record_at(blocks, record)->path;
        return record;
    }
    uint32_t record = blocks->records_used;
    if (record == CHUNK_FIRST_RECORDS) { /* the small first chunk becomes a whole one */
        blocks->chunks[0] = mem_resize(blocks->chunks[0], CHUNK_RECORDS, sizeof(struct heap_block));
    }
    if ((record & (CHUNK_RECORDS - 1)) == 0) {
        add_chunk(blocks);
    }
    blocks->records_used += 1;
    return record;
}

struct heap_block *heap_blocks_put(struct heap_blocks *blocks, uint64_t addr)
{
    addr &= ADDR_MASK;
    if ((blocks->count + 1) * 5 > blocks->slot_count * 4) {
        grow_index(blocks);
    }
    uint32_t h = hash(blocks, addr);
    uint32_t record = take_record(blocks);
    blocks->slots[slot_of(blocks, addr, h)] = (uint64_t)h << 32 | (record + 1);
    blocks->count += 1;
    struct heap_block *block = record_at(blocks, record);
    *block = (struct heap_block){.addr = addr & ADDR_MASK};
    return block;
}

/* Closes the gap at `gap`: each follower in the run moves back unless it stands at its home or
 * between the gap and its home. */
static void close_gap(struct heap_blocks *blocks, uint64_t gap)
{
    uint64_t mask = blocks->slot_count - 1;
    for (uint64_t at = (gap + 1) & mask; blocks->slots[at] != 0; at = (at + 1) & mask) {
        uint64_t wanted = home(blocks, (uint32_t)(blocks->slots[at] >> 32));
        if (((at - wanted) & mask) >= ((at - gap) & mask)) {
            blocks->slots[gap] = blocks->slots[at];
            gap = at;
        }
    }
    blocks->slots[gap] = 0;
}

bool heap_blocks_remove(struct heap_blocks *blocks, uint64_t addr)
{
    addr &= ADDR_MASK;
    uint64_t at = slot_of(blocks, addr, hash(blocks, addr));
    uint64_t slot = blocks->slots[at];
    if (slot == 0) {
        return false;
    }
    uint32_t record = (uint32_t)slot - 1;
    record_at(blocks, record)->path = blocks->free_record;
    blocks->free_record = record + 1;
    blocks->count -= 1;
    close_gap(blocks, at);
    return true;
}

void heap_blocks_each(const struct heap_blocks *blocks,
                      void (*visit)(void *context, const struct heap_block *block), void *context)
{
    for (uint64_t i = 0; i < blocks->slot_count; i++) {
        if (blocks->slots[i] != 0) {
            visit(context, record_at(blocks, (uint32_t)blocks->slots[i] - 1));
        }
    }
}

void heap_blocks_prefetch(const struct heap_blocks *blocks, uint64_t addr)
{
    __builtin_prefetch(&blocks->slots[home(blocks, hash(blocks, addr & ADDR_MASK))]);
}

size_t heap_blocks_bytes(const struct heap_blocks *blocks)
{
    size_t records = blocks->records_used <= CHUNK_FIRST_RECORDS
                         ? (size_t)blocks->chunk_count * CHUNK_FIRST_RECORDS
                         : (size_t)blocks->chunk_count * CHUNK_RECORDS;
    return records * sizeof(struct heap_block) + blocks->slot_count * sizeof *blocks->slots +
           blocks->chunk_room * sizeof *blocks->chunks;
}
