/*
 * heap_blocks - the live blocks of one process: address -> block.
 *
 * Two parts. The index is open addressing over buckets of eight slots in one cache line (32 bits of
 * hash, 32 bits of record number each), which are compared all at once: whatever the addresses, the
 * processor foresees where a search ends, and growing reads no record. The records lie in chunks,
 * each twice as large as the one before, with a last-in-first-out free list, so that a malloc after
 * a free works in warm memory and nothing is copied as the table grows. Deletion brings back what a
 * full bucket had passed on: no tombstones, no decay.
 * Cost: 40 bytes a record, and 11 to 21 a block for the index.
 *
 * Whoever handles many events hashes an address once (heap_blocks_hash), asks the cache for what
 * will be read, and comes back later with the hash.
 *
 * Owner: whoever holds the struct; all zero is not valid, heap_blocks_init() is.
 * Threads: one at a time. Units: bytes, ns since the recording's start.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_BLOCKS_H
#define ALLOCTRAP_HEAP_HEAP_BLOCKS_H

#include <emmintrin.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alloctrap/session.h"

enum {
    HEAP_BLOCKS_LANES = 8,
    HEAP_BLOCKS_ALL_LANES = (1 << HEAP_BLOCKS_LANES) - 1,
    HEAP_BLOCK_BIRTH_BITS = 40,
    HEAP_BLOCK_CHAIN_BITS = 24,
    HEAP_BLOCK_CHAIN_MAX = (1 << HEAP_BLOCK_CHAIN_BITS) - 1,
    HEAP_BLOCKS_CHUNK_FIRST = 64, /* a forked child that allocates ten blocks stays small */
    HEAP_BLOCKS_CHUNKS = 27       /* 2^32 records */
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

struct heap_bucket {
    alignas(64) uint32_t hashes[HEAP_BLOCKS_LANES];
    uint32_t records_1[HEAP_BLOCKS_LANES]; /* + 1; 0 = free */
};

struct heap_blocks {
    struct heap_bucket *buckets; /* a power of two of them */
    uint64_t bucket_count;
    uint64_t count;
    uint64_t seed;
    uint32_t records_used; /* ever handed out; the free list holds those given back */
    uint32_t free_record;  /* + 1; 0 = none */
    struct heap_block *chunks[HEAP_BLOCKS_CHUNKS];
};

/* A live block and where the index has it; block NULL: not live. Good until the next put or remove.
 */
struct heap_blocks_found {
    struct heap_block *block;
    uint64_t bucket;
    unsigned lane;
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

/* HOT. The record of a number that the index has. */
static inline struct heap_block *heap_blocks_record(const struct heap_blocks *blocks,
                                                    uint32_t record)
{
    uint32_t within;
    unsigned chunk = session_chunk_of(record, HEAP_BLOCKS_CHUNK_FIRST, &within);
    return &blocks->chunks[chunk][within];
}

/* HOT. The home of a hash. By its upper bits: growing then moves slots in order, from front to
 * back.
 */
static inline uint64_t heap_blocks_home(const struct heap_blocks *blocks, uint32_t hash)
{
    return (uint64_t)hash * blocks->bucket_count >> 32;
}

/* PURE. The lanes that hold a value: bit i of lane i. */
static inline unsigned heap_blocks_lanes(const uint32_t lanes[static HEAP_BLOCKS_LANES],
                                         uint32_t value)
{
    __m128i wanted = _mm_set1_epi32((int)value);
    __m128i low = _mm_cmpeq_epi32(_mm_load_si128((const __m128i *)lanes), wanted);
    __m128i high = _mm_cmpeq_epi32(_mm_load_si128((const __m128i *)lanes + 1), wanted);
    __m128i words = _mm_packs_epi32(low, high);
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(words, _mm_setzero_si128()));
}

/* HOT. The live block at addr, whose hash this is. */
static inline struct heap_blocks_found heap_blocks_find(const struct heap_blocks *blocks,
                                                        uint64_t addr, uint32_t hash)
{
    uint64_t at = heap_blocks_home(blocks, hash);
    for (;; at = (at + 1) & (blocks->bucket_count - 1)) {
        const struct heap_bucket *bucket = &blocks->buckets[at];
        unsigned free_lanes = heap_blocks_lanes(bucket->records_1, 0);
        unsigned lanes = heap_blocks_lanes(bucket->hashes, hash) & ~free_lanes;
        for (; lanes != 0; lanes &= lanes - 1) {
            unsigned lane = (unsigned)__builtin_ctz(lanes);
            struct heap_block *block = heap_blocks_record(blocks, bucket->records_1[lane] - 1);
            if (__builtin_expect(block->addr == (addr & SESSION_LOW48), true)) {
                return (struct heap_blocks_found){block, at, lane};
            }
        }
        if (__builtin_expect(free_lanes != 0, true)) {
            return (struct heap_blocks_found){.block = NULL};
        }
    }
}

/* HOT. Makes a block live, at its address, whose hash this is. The table's copy of it; NULL when
 * one is live there already. */
struct heap_block *heap_blocks_put(struct heap_blocks *blocks, const struct heap_block *block,
                                   uint32_t hash);

/* HOT. Forgets a block that was found. */
void heap_blocks_remove(struct heap_blocks *blocks, struct heap_blocks_found found);

/* Calls visit for each live block, in no order. */
void heap_blocks_each(const struct heap_blocks *blocks,
                      void (*visit)(void *context, const struct heap_block *block), void *context);

/* HOT. Asks the cache for what a find of this hash will read first. */
static inline void heap_blocks_prefetch(const struct heap_blocks *blocks, uint32_t hash)
{
    __builtin_prefetch(&blocks->buckets[heap_blocks_home(blocks, hash)]);
}

/* HOT. The same one step later: when the index has come, asks for the record. What it most probably
 * is, or NULL; memory that is good as long as the table, and may hold another block by then. */
const struct heap_block *heap_blocks_prefetch_record(const struct heap_blocks *blocks,
                                                     uint32_t hash);

/* Memory in use, in bytes: the index, and records up to the last one ever needed at a time. */
size_t heap_blocks_bytes(const struct heap_blocks *blocks);

static inline uint32_t heap_block_thread(const struct heap_block *block)
{
    return (uint32_t)(block->thread_high << 16 | block->thread_low);
}

#endif
