/*
 * heap_blocks - the live blocks of one process: address -> block.
 *
 * Two parts. The index is open addressing with linear probing over 8-byte slots (32 bits of hash,
 * 32 bits of a record's number), so that a probe and a deletion stay within a cache line or two and
 * growing reads no record. The records lie in chunks, each twice as large as the one before, with a
 * last-in-first-out free list, so that a malloc after a free works in warm memory and nothing is
 * copied as the table grows. Deletion shifts followers back: no tombstones, no decay.
 * Cost: 40 bytes a record, and 11 to 21 a block for the index; 32 to 64 up to 8,192 blocks, where a
 * probe that ends at once is worth more.
 *
 * Whoever handles many events hashes an address once (heap_blocks_hash), asks the cache for what
 * will be read, and comes back later with the hash.
 *
 * Owner: whoever holds the struct; all zero is not valid, heap_blocks_init() is.
 * Threads: one at a time. Units: bytes, ns since the recording's start.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_BLOCKS_H
#define ALLOCTRAP_HEAP_HEAP_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alloctrap/session.h"

enum {
    HEAP_BLOCK_BIRTH_BITS = 40,
    HEAP_BLOCK_CHAIN_BITS = 24,
    HEAP_BLOCK_CHAIN_MAX = (1 << HEAP_BLOCK_CHAIN_BITS) - 1,
    HEAP_BLOCKS_CHUNK_BITS =
        6, /* 64 records: a forked child that allocates ten blocks stays small */
    HEAP_BLOCKS_CHUNK_FIRST = 1 << HEAP_BLOCKS_CHUNK_BITS,
    HEAP_BLOCKS_CHUNKS = 32 - HEAP_BLOCKS_CHUNK_BITS
};

struct heap_block {
    uint64_t addr : 48; /* 0 once it is not live any more */
    uint64_t thread_low : 16;
    uint64_t size : 48;
    uint64_t thread_high : 16;
    uint64_t born_ns;
    uint64_t birth : HEAP_BLOCK_BIRTH_BITS; /* number of the allocation in its process, mod 2^40 */
    uint64_t chain : HEAP_BLOCK_CHAIN_BITS; /* of heap_growth; 0 = never grew */
    uint32_t site;
    uint32_t sp;
};
_Static_assert(sizeof(struct heap_block) == 40, "what 64 bytes a live block are made of");

struct heap_blocks {
    uint64_t *slots; /* hash << 32 | number of the record; 0 = free */
    uint64_t slot_count;
    uint64_t count;
    uint64_t most; /* that so many slots are for */
    uint64_t seed;
    uint32_t next_record; /* none from this number on was ever used; below it the free list holds
                             those given back */
    uint32_t free_record; /* 0 = none */
    struct heap_block *chunks[HEAP_BLOCKS_CHUNKS]; /* of the numbers with so many bits */
};

/* A live block and where the index has it; block NULL: not live. Good until the next put or remove.
 */
struct heap_blocks_found {
    struct heap_block *block;
    uint64_t slot;
};

void heap_blocks_init(struct heap_blocks *blocks);
void heap_blocks_finish(struct heap_blocks *blocks);

/* HOT. What an address (its low 48 bits) is looked up by: the same for the table's whole life. */
static inline uint32_t heap_blocks_hash(const struct heap_blocks *blocks, uint64_t addr)
{
    uint64_t h = ((addr & SESSION_LOW48) ^ blocks->seed) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ (h >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(h >> 32);
}

/* HOT. The home of a hash: where a search for it begins. By its upper bits: growing then moves
 * slots in order, from front to back. */
static inline uint64_t heap_blocks_home(const struct heap_blocks *blocks, uint32_t hash)
{
    return (uint64_t)hash * blocks->slot_count >> 32;
}

/* HOT. The record of a number that the index has. Numbers begin with HEAP_BLOCKS_CHUNK_FIRST, so
 * that the upper bit is the chunk, and the others are the place in it. */
static inline struct heap_block *heap_blocks_record(const struct heap_blocks *blocks,
                                                    uint32_t record)
{
    unsigned upper = 31U - (unsigned)__builtin_clz(record);
    return &blocks->chunks[upper - HEAP_BLOCKS_CHUNK_BITS][record ^ UINT32_C(1) << upper];
}

/* HOT. The live block at addr, whose hash this is, when the index has it at `slot`; one that
 * heap_blocks_prefetch_record() gave, however long ago. */
static inline struct heap_block *heap_blocks_at(const struct heap_blocks *blocks, uint64_t addr,
                                                uint32_t hash, uint64_t slot)
{
    uint64_t there = blocks->slots[slot];
    if (there == 0 || there >> 32 != hash) {
        return NULL;
    }
    struct heap_block *block = heap_blocks_record(blocks, (uint32_t)there);
    return block->addr == (addr & SESSION_LOW48) ? block : NULL;
}

/* HOT. The live block at addr, whose hash this is. */
static inline struct heap_blocks_found heap_blocks_find(const struct heap_blocks *blocks,
                                                        uint64_t addr, uint32_t hash)
{
    uint64_t mask = blocks->slot_count - 1;
    uint64_t at = heap_blocks_home(blocks, hash);
    for (; blocks->slots[at] != 0; at = (at + 1) & mask) {
        if (blocks->slots[at] >> 32 == hash) {
            struct heap_block *block = heap_blocks_record(blocks, (uint32_t)blocks->slots[at]);
            if (block->addr == (addr & SESSION_LOW48)) {
                return (struct heap_blocks_found){block, at};
            }
        }
    }
    return (struct heap_blocks_found){NULL, 0};
}

/* HOT. Makes a block live at addr, whose hash this is. Its record, which the caller fills, all of
 * it, before anything else; NULL when one is live there already. */
struct heap_block *heap_blocks_put(struct heap_blocks *blocks, uint64_t addr, uint32_t hash);

/* HOT. Forgets a block that was found; who still points to it sees that its address is 0. */
void heap_blocks_remove(struct heap_blocks *blocks, struct heap_blocks_found found);

/* Calls visit for each live block, in no order. */
void heap_blocks_each(const struct heap_blocks *blocks,
                      void (*visit)(void *context, const struct heap_block *block), void *context);

/* HOT. When the index at the home of a hash has come, asks the cache for the record. Most probably
 * what a find will give: block is NULL or memory that is good as long as the table, and may hold
 * another block by then. */
struct heap_blocks_found heap_blocks_prefetch_record(const struct heap_blocks *blocks,
                                                     uint32_t hash);

/* Memory in use, in bytes: the index, and records up to the last one ever needed at a time. */
size_t heap_blocks_bytes(const struct heap_blocks *blocks);

static inline uint32_t heap_block_thread(const struct heap_block *block)
{
    return (uint32_t)block->thread_high << 16 | block->thread_low;
}

#endif
