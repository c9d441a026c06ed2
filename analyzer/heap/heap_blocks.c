#include "heap/heap_blocks.h"

#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "base/mem.h"

enum { BUCKETS_FIRST = 8 };

/* Zeroed, and each bucket a cache line. */
static struct heap_bucket *make_buckets(uint64_t count)
{
    struct heap_bucket *buckets = mem_large(count, sizeof *buckets);
    memset(buckets, 0, count * sizeof *buckets);
    return buckets;
}

void heap_blocks_init(struct heap_blocks *blocks)
{
    *blocks = (struct heap_blocks){.bucket_count = BUCKETS_FIRST};
    blocks->buckets = make_buckets(BUCKETS_FIRST);
    /* A trace can be hostile: without a secret, addresses could be chosen to collide. */
    if (getrandom(&blocks->seed, sizeof blocks->seed, GRND_NONBLOCK) !=
        (ssize_t)sizeof blocks->seed) {
        blocks->seed = (uint64_t)(uintptr_t)blocks->buckets;
    }
}

void heap_blocks_finish(struct heap_blocks *blocks)
{
    for (unsigned i = 0; i < HEAP_BLOCKS_CHUNKS; i++) {
        free(blocks->chunks[i]);
    }
    free(blocks->buckets);
    *blocks = (struct heap_blocks){0};
}

/* The first bucket from a hash's home on with a free lane, which is *ret_lane. */
static struct heap_bucket *find_free(struct heap_blocks *blocks, uint32_t hash, unsigned *ret_lane)
{
    uint64_t at = heap_blocks_home(blocks, hash);
    for (;; at = (at + 1) & (blocks->bucket_count - 1)) {
        unsigned free_lanes = heap_blocks_lanes(blocks->buckets[at].records_1, 0);
        if (free_lanes != 0) {
            *ret_lane = (unsigned)__builtin_ctz(free_lanes);
            return &blocks->buckets[at];
        }
    }
}

static void grow_index(struct heap_blocks *blocks)
{
    struct heap_bucket *old = blocks->buckets;
    uint64_t old_count = blocks->bucket_count;
    blocks->bucket_count = old_count * 2;
    blocks->buckets = make_buckets(blocks->bucket_count);
    for (uint64_t i = 0; i < old_count; i++) {
        for (unsigned k = 0; k < HEAP_BLOCKS_LANES; k++) {
            if (old[i].records_1[k] != 0) {
                unsigned lane;
                struct heap_bucket *to = find_free(blocks, old[i].hashes[k], &lane);
                to->hashes[lane] = old[i].hashes[k];
                to->records_1[lane] = old[i].records_1[k];
            }
        }
    }
    free(old);
}

/* A record's number + 1. */
static uint32_t take_record(struct heap_blocks *blocks)
{
    uint32_t record_1 = blocks->free_record;
    if (record_1 != 0) {
        blocks->free_record = heap_blocks_record(blocks, record_1 - 1)->site;
        return record_1;
    }
    uint32_t within;
    unsigned chunk = session_chunk_of(blocks->records_used, HEAP_BLOCKS_CHUNK_FIRST, &within);
    if (within == 0) {
        size_t records = (size_t)HEAP_BLOCKS_CHUNK_FIRST << chunk;
        blocks->chunks[chunk] = mem_large(records, sizeof(struct heap_block));
    }
    return ++blocks->records_used;
}

struct heap_block *heap_blocks_put(struct heap_blocks *blocks, const struct heap_block *block,
                                   uint32_t hash)
{
    if ((blocks->count + 1) * 4 > blocks->bucket_count * HEAP_BLOCKS_LANES * 3) {
        grow_index(blocks);
    }
    if (heap_blocks_find(blocks, block->addr, hash).block != NULL) {
        return NULL;
    }
    unsigned lane;
    struct heap_bucket *bucket = find_free(blocks, hash, &lane);
    uint32_t record_1 = take_record(blocks);
    bucket->hashes[lane] = hash;
    bucket->records_1[lane] = record_1;
    blocks->count += 1;
    struct heap_block *record = heap_blocks_record(blocks, record_1 - 1);
    *record = *block;
    return record;
}

/* A lane of the bucket at `at` whose home is the bucket at `gap` or one before it, which passed it
 * on; HEAP_BLOCKS_LANES: none. */
static unsigned find_passed_on(const struct heap_blocks *blocks, uint64_t at, uint64_t gap)
{
    const struct heap_bucket *bucket = &blocks->buckets[at];
    uint64_t mask = blocks->bucket_count - 1;
    unsigned lane = 0;
    while (lane < HEAP_BLOCKS_LANES &&
           (bucket->records_1[lane] == 0 ||
            ((at - heap_blocks_home(blocks, bucket->hashes[lane])) & mask) < ((at - gap) & mask))) {
        lane++;
    }
    return lane;
}

/* The bucket at `gap` was full, and its lane is free now: what it had passed on comes back, and
 * leaves another gap. */
static void close_gap(struct heap_blocks *blocks, uint64_t gap, unsigned gap_lane)
{
    uint64_t at = gap;
    bool was_full = true;
    while (was_full) {
        at = (at + 1) & (blocks->bucket_count - 1);
        struct heap_bucket *bucket = &blocks->buckets[at];
        was_full = heap_blocks_lanes(bucket->records_1, 0) == 0;
        unsigned lane = find_passed_on(blocks, at, gap);
        if (lane < HEAP_BLOCKS_LANES) {
            blocks->buckets[gap].hashes[gap_lane] = bucket->hashes[lane];
            blocks->buckets[gap].records_1[gap_lane] = bucket->records_1[lane];
            bucket->records_1[lane] = 0;
            gap = at;
            gap_lane = lane;
        }
    }
}

void heap_blocks_remove(struct heap_blocks *blocks, struct heap_blocks_found found)
{
    struct heap_bucket *bucket = &blocks->buckets[found.bucket];
    uint32_t record_1 = bucket->records_1[found.lane];
    bool was_full = heap_blocks_lanes(bucket->records_1, 0) == 0;
    bucket->records_1[found.lane] = 0;
    found.block->addr = 0;
    found.block->site = blocks->free_record;
    blocks->free_record = record_1;
    blocks->count -= 1;
    if (was_full) {
        close_gap(blocks, found.bucket, found.lane);
    }
}

void heap_blocks_each(const struct heap_blocks *blocks,
                      void (*visit)(void *context, const struct heap_block *block), void *context)
{
    for (uint64_t i = 0; i < blocks->bucket_count; i++) {
        for (unsigned k = 0; k < HEAP_BLOCKS_LANES; k++) {
            uint32_t record_1 = blocks->buckets[i].records_1[k];
            if (record_1 != 0) {
                visit(context, heap_blocks_record(blocks, record_1 - 1));
            }
        }
    }
}

const struct heap_block *heap_blocks_prefetch_record(const struct heap_blocks *blocks,
                                                     uint32_t hash)
{
    const struct heap_bucket *bucket = &blocks->buckets[heap_blocks_home(blocks, hash)];
    unsigned lanes = heap_blocks_lanes(bucket->hashes, hash);
    uint32_t record_1 = bucket->records_1[lanes == 0 ? 0 : (unsigned)__builtin_ctz(lanes)];
    if (lanes == 0 || record_1 == 0) {
        return NULL;
    }
    /* More than half of the records stand in two cache lines. */
    const struct heap_block *block = heap_blocks_record(blocks, record_1 - 1);
    __builtin_prefetch(block);
    __builtin_prefetch((const char *)(block + 1) - 1);
    return block;
}

size_t heap_blocks_bytes(const struct heap_blocks *blocks)
{
    size_t first_bytes = HEAP_BLOCKS_CHUNK_FIRST * sizeof(struct heap_block);
    size_t used_bytes = blocks->records_used * sizeof(struct heap_block);
    return (used_bytes > first_bytes ? used_bytes : first_bytes) +
           blocks->bucket_count * sizeof *blocks->buckets;
}
