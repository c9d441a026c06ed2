/*
 * heap_blocks - the live blocks of one process: address -> block.
 *
 * Two parts. The index is open addressing with linear probing over 8-byte slots (32 bits of hash,
 * 32 bits of record number), so that a probe and a deletion stay within a cache line or two and
 * growing reads no record. The records lie in fixed chunks with a last-in-first-out free list, so
 * that a malloc after a free works in warm memory and nothing is copied as the table grows.
 * Deletion shifts followers back: no tombstones, no decay. Cost: 40 bytes a record, and 10 to 20 a
 * block for the index.
 *
 * Owner: whoever holds the struct; all zero is not valid, heap_blocks_init() is.
 * Threads: one at a time. Units: bytes, ns since the recording's start.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_BLOCKS_H
#define ALLOCTRAP_HEAP_HEAP_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

enum {
    HEAP_BLOCK_BIRTH_BITS = 40,
    HEAP_BLOCK_CHAIN_BITS = 24,
    HEAP_BLOCK_CHAIN_MAX = (1 << HEAP_BLOCK_CHAIN_BITS) - 1
};

struct heap_block {
    uint64_t addr : 48;
    uint64_t thread_low : 16;
    uint64_t size : 48;
    uint64_t thread_high : 16;
    uint64_t born_ns;
    uint64_t birth : HEAP_BLOCK_BIRTH_BITS; /* number of the allocation in its process, mod 2^40 */
    uint64_t chain : HEAP_BLOCK_CHAIN_BITS; /* of heap_growth; 0 = never grew */
    uint32_t path;
    uint32_t sp;
};
_Static_assert(sizeof(struct heap_block) == 40, "what 64 bytes a live block are made of");

struct heap_blocks {
    uint64_t *slots; /* hash << 32 | record + 1; 0 = free */
    uint64_t slot_count;
    uint64_t count;
    uint64_t seed;
    struct heap_block **chunks;
    uint32_t chunk_count;
    uint32_t chunk_room;
    uint32_t records_used; /* ever handed out; the free list holds those given back */
    uint32_t free_record;  /* + 1; 0 = none */
};

void heap_blocks_init(struct heap_blocks *blocks);
void heap_blocks_finish(struct heap_blocks *blocks);

/* The live block at addr (its low 48 bits), or NULL. Good until the next put or remove. */
struct heap_block *heap_blocks_find(const struct heap_blocks *blocks, uint64_t addr);

/* A record for addr, which must not be live: all zero but for the address. */
struct heap_block *heap_blocks_put(struct heap_blocks *blocks, uint64_t addr);

/* Forgets the block at addr; false when there was none. */
_Bool heap_blocks_remove(struct heap_blocks *blocks, uint64_t addr);

/* Calls visit for each live block, in no order. */
void heap_blocks_each(const struct heap_blocks *blocks,
                      void (*visit)(void *context, const struct heap_block *block), void *context);

/* Asks the cache for what a find of addr will read first. */
void heap_blocks_prefetch(const struct heap_blocks *blocks, uint64_t addr);

/* Memory held, in bytes. */
size_t heap_blocks_bytes(const struct heap_blocks *blocks);

static inline uint32_t heap_block_thread(const struct heap_block *block)
{
    return (uint32_t)(block->thread_high << 16 | block->thread_low);
}

#endif
