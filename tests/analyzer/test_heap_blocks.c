#include "heap/heap_blocks.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static struct heap_block *find(const struct heap_blocks *blocks, uint64_t addr)
{
    return heap_blocks_find(blocks, addr, heap_blocks_hash(blocks, addr)).block;
}

static struct heap_block *put(struct heap_blocks *blocks, uint64_t addr)
{
    struct heap_block *block = heap_blocks_put(blocks, addr, heap_blocks_hash(blocks, addr));
    if (block != NULL) {
        *block = (struct heap_block){.addr = addr & SESSION_LOW48};
    }
    return block;
}

static void drop(struct heap_blocks *blocks, uint64_t addr)
{
    struct heap_blocks_found found = heap_blocks_find(blocks, addr, heap_blocks_hash(blocks, addr));
    cr_assert_not_null(found.block);
    heap_blocks_remove(blocks, found);
}

Test(heap_blocks, finds_what_is_live_and_nothing_else)
{
    struct heap_blocks blocks;
    heap_blocks_init(&blocks);
    cr_assert_null(find(&blocks, 16));
    struct heap_block *block = put(&blocks, 16);
    block->size = 100;
    block->thread_low = 0x5678;
    block->thread_high = 0x1234;
    cr_assert_null(put(&blocks, 16), "it is live already");
    cr_assert_eq(find(&blocks, 16)->size, 100);
    cr_assert_eq(find(&blocks, 16 | UINT64_C(1) << 48), block, "only the low 48 bits count");
    cr_assert_eq(heap_block_thread(find(&blocks, 16)), 0x12345678);
    cr_assert_null(find(&blocks, 32));
    drop(&blocks, 16);
    cr_assert_null(find(&blocks, 16));
    cr_assert_eq(block->addr, 0, "who still points to it can see that it has ended");
    cr_assert_eq(put(&blocks, 48), block, "the record that was freed last is used first");
    cr_assert_eq(block->size, 0);
    heap_blocks_finish(&blocks);
}

enum { ADDRESSES = 5000, STEPS = 400000 };

/* A random walk over few addresses, so that runs in the index form, break and wrap around. */
Test(heap_blocks, a_long_random_walk_agrees_with_a_plain_array)
{
    struct heap_blocks blocks;
    heap_blocks_init(&blocks);
    uint64_t *sizes = calloc(ADDRESSES, sizeof *sizes); /* 0 = not live */
    uint64_t random = 42;
    uint64_t live = 0;
    for (uint64_t step = 1; step <= STEPS; step++) {
        uint64_t i = next_random(&random) % ADDRESSES;
        uint64_t addr = UINT64_C(0x7f0000000000) + i * 16;
        struct heap_block *block = find(&blocks, addr);
        cr_assert_eq(block != NULL, sizes[i] != 0);
        if (block != NULL) {
            cr_assert_eq(block->size, sizes[i]);
            drop(&blocks, addr);
            sizes[i] = 0;
            live -= 1;
        } else {
            put(&blocks, addr)->size = step & 0xffffff;
            sizes[i] = step;
            live += 1;
        }
        cr_assert_eq(blocks.count, live);
    }
    for (uint64_t i = 0; i < ADDRESSES; i++) {
        const struct heap_block *block = find(&blocks, UINT64_C(0x7f0000000000) + i * 16);
        cr_assert_eq(block == NULL ? 0 : block->size, sizes[i]);
    }
    free(sizes);
    heap_blocks_finish(&blocks);
}

enum { CROWD = 400, CROWD_HOMES = 7, CROWD_STEPS = 200000 };

/* Hashes of few homes, those at both ends of the index among them: runs grow long and wrap. */
static uint32_t crowded_hash(uint64_t i)
{
    return (uint32_t)((i % CROWD_HOMES) << 29) - (i % 2 == 0 ? 1 : 0);
}

Test(heap_blocks, crowded_runs_stay_whole_around_the_end)
{
    struct heap_blocks blocks;
    heap_blocks_init(&blocks);
    bool is_live[CROWD] = {false};
    uint64_t random = 7;
    for (uint64_t step = 0; step < CROWD_STEPS; step++) {
        uint64_t i = next_random(&random) % CROWD;
        struct heap_blocks_found found = heap_blocks_find(&blocks, i + 1, crowded_hash(i));
        cr_assert_eq(found.block != NULL, is_live[i], "step %lu", step);
        if (is_live[i]) {
            heap_blocks_remove(&blocks, found);
        } else {
            struct heap_block *block = heap_blocks_put(&blocks, i + 1, crowded_hash(i));
            cr_assert_not_null(block);
            *block = (struct heap_block){.addr = (i + 1) & SESSION_LOW48};
        }
        is_live[i] = !is_live[i];
    }
    for (uint64_t i = 0; i < CROWD; i++) {
        cr_assert_eq(heap_blocks_find(&blocks, i + 1, crowded_hash(i)).block != NULL, is_live[i]);
    }
    heap_blocks_finish(&blocks);
}

/* What was asked for ahead is looked at later: the index may have changed, or grown. */
Test(heap_blocks, a_slot_found_ahead_gives_the_block_or_nothing)
{
    struct heap_blocks blocks;
    heap_blocks_init(&blocks);
    uint32_t hash = heap_blocks_hash(&blocks, 16);
    uint64_t empty_slot = heap_blocks_prefetch_record(&blocks, hash).slot;
    cr_assert_null(heap_blocks_at(&blocks, 16, hash, empty_slot));
    struct heap_block *block = put(&blocks, 16);
    struct heap_blocks_found ahead = heap_blocks_prefetch_record(&blocks, hash);
    cr_assert_eq(ahead.block, block);
    cr_assert_eq(heap_blocks_at(&blocks, 16, hash, ahead.slot), block);
    cr_assert_null(heap_blocks_at(&blocks, 32, hash, ahead.slot), "another address");
    for (uint64_t i = 2; i <= 1000; i++) {
        put(&blocks, i * 16);
        struct heap_block *seen = heap_blocks_at(&blocks, 16, hash, ahead.slot);
        cr_assert(seen == NULL || seen == block, "%lu blocks", i);
    }
    ahead = heap_blocks_prefetch_record(&blocks, hash);
    drop(&blocks, 16);
    cr_assert_null(heap_blocks_at(&blocks, 16, hash, ahead.slot));
    heap_blocks_finish(&blocks);
}

static void add_size(void *context, const struct heap_block *block)
{
    *(uint64_t *)context += block->size;
}

Test(heap_blocks, visits_each_live_block_once)
{
    struct heap_blocks blocks;
    heap_blocks_init(&blocks);
    uint64_t expected = 0;
    for (uint64_t i = 1; i <= 1000; i++) {
        put(&blocks, i * 48)->size = i & 0xffff;
        expected += i % 3 != 0 ? i : 0;
    }
    for (uint64_t i = 3; i <= 1000; i += 3) {
        drop(&blocks, i * 48);
    }
    uint64_t sum = 0;
    heap_blocks_each(&blocks, add_size, &sum);
    cr_assert_eq(sum, expected);
    heap_blocks_finish(&blocks);
}

Test(heap_blocks, freed_records_are_used_again)
{
    struct heap_blocks blocks;
    heap_blocks_init(&blocks);
    for (uint64_t i = 0; i < 1000000; i++) {
        put(&blocks, i * 16);
        drop(&blocks, i * 16);
    }
    cr_assert_eq(blocks.next_record, HEAP_BLOCKS_CHUNK_FIRST + 1);
    cr_assert_lt(heap_blocks_bytes(&blocks), 8192);
    heap_blocks_finish(&blocks);
}

Test(heap_blocks, a_million_live_blocks_take_at_most_64_bytes_each)
{
    struct heap_blocks blocks;
    heap_blocks_init(&blocks);
    for (uint64_t i = 1; i <= 1000000; i++) {
        put(&blocks, UINT64_C(0x550000000000) + i * 32);
        if (i > 100000) {
            cr_assert_leq(heap_blocks_bytes(&blocks), i * 64, "at %lu blocks", i);
        }
    }
    heap_blocks_finish(&blocks);
}
