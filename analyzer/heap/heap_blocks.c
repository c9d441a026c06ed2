#include "heap/heap_blocks.h"

#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "base/mem.h"

enum {
    SLOTS_FIRST = 64,
    SLOTS_FEW = 32768 /* up to 256 KiB probes that end at once are worth more than memory */
};

/* How many blocks an index may have. */
static uint64_t most_of(uint64_t slot_count)
{
    return slot_count <= SLOTS_FEW ? slot_count / 4 : slot_count / 4 * 3;
}

void heap_blocks_init(struct heap_blocks *blocks)
{
    *blocks = (struct heap_blocks){.slot_count = SLOTS_FIRST,
                                   .most = most_of(SLOTS_FIRST),
                                   .next_record = HEAP_BLOCKS_CHUNK_FIRST};
    blocks->slots = mem_zero(SLOTS_FIRST, sizeof *blocks->slots);
    /* A trace can be hostile: without a secret, addresses could be chosen to collide. */
    if (getrandom(&blocks->seed, sizeof blocks->seed, GRND_NONBLOCK) !=
        (ssize_t)sizeof blocks->seed) {
        blocks->seed = (uint64_t)(uintptr_t)blocks->slots;
    }
}

void heap_blocks_finish(struct heap_blocks *blocks)
{
    for (unsigned i = 0; i < HEAP_BLOCKS_CHUNKS; i++) {
        free(blocks->chunks[i]);
    }
    free(blocks->slots);
    *blocks = (struct heap_blocks){0};
}

static void grow_index(struct heap_blocks *blocks)
{
    uint64_t *old = blocks->slots;
    uint64_t old_count = blocks->slot_count;
    blocks->slot_count = old_count * 2;
    blocks->most = most_of(blocks->slot_count);
    blocks->slots = mem_large(blocks->slot_count, sizeof *blocks->slots);
    memset(blocks->slots, 0, blocks->slot_count * sizeof *blocks->slots);
    uint64_t mask = blocks->slot_count - 1;
    for (uint64_t i = 0; i < old_count; i++) {
        if (old[i] != 0) {
            uint64_t at = heap_blocks_home(blocks, (uint32_t)(old[i] >> 32));
            while (blocks->slots[at] != 0) {
                at = (at + 1) & mask;
            }
            blocks->slots[at] = old[i];
        }
    }
    free(old);
}

/* The number of a record that was never used. */
static uint32_t new_record(struct heap_blocks *blocks)
{
    uint32_t record = blocks->next_record++;
    if ((record & (record - 1)) == 0) {
        blocks->chunks[__builtin_ctz(record) - HEAP_BLOCKS_CHUNK_BITS] =
            mem_large(record, sizeof(struct heap_block)); /* as many as all before */
    }
    return record;
}

struct heap_block *heap_blocks_put(struct heap_blocks *blocks, uint64_t addr, uint32_t hash)
{
    if (blocks->count == blocks->most) {
        grow_index(blocks);
    }
    uint64_t mask = blocks->slot_count - 1;
    uint64_t at = heap_blocks_home(blocks, hash);
    for (; blocks->slots[at] != 0; at = (at + 1) & mask) {
        uint64_t slot = blocks->slots[at];
        if (slot >> 32 == hash &&
            heap_blocks_record(blocks, (uint32_t)slot)->addr == (addr & SESSION_LOW48)) {
            return NULL;
        }
    }
    bool is_used = blocks->free_record != 0;
    uint32_t record = is_used ? blocks->free_record : new_record(blocks);
    struct heap_block *block = heap_blocks_record(blocks, record);
    if (is_used) {
        blocks->free_record = block->site;
    }
    blocks->slots[at] = (uint64_t)hash << 32 | record;
    blocks->count += 1;
    return block;
}

/* Closes the gap at `gap`: each follower in the run moves back unless it stands at its home or
 * between the gap and its home. */
static void close_gap(struct heap_blocks *blocks, uint64_t gap)
{
    uint64_t mask = blocks->slot_count - 1;
    for (uint64_t at = (gap + 1) & mask; blocks->slots[at] != 0; at = (at + 1) & mask) {
        uint64_t wanted = heap_blocks_home(blocks, (uint32_t)(blocks->slots[at] >> 32));
        if (((at - wanted) & mask) >= ((at - gap) & mask)) {
            blocks->slots[gap] = blocks->slots[at];
            gap = at;
        }
    }
    blocks->slots[gap] = 0;
}

void heap_blocks_remove(struct heap_blocks *blocks, struct heap_blocks_found found)
{
    uint32_t record = (uint32_t)blocks->slots[found.slot];
    found.block->addr = 0;
    found.block->site = blocks->free_record;
    blocks->free_record = record;
    blocks->count -= 1;
    close_gap(blocks, found.slot);
}

void heap_blocks_each(const struct heap_blocks *blocks,
                      void (*visit)(void *context, const struct heap_block *block), void *context)
{
    for (uint64_t i = 0; i < blocks->slot_count; i++) {
        if (blocks->slots[i] != 0) {
            visit(context, heap_blocks_record(blocks, (uint32_t)blocks->slots[i]));
        }
    }
}

struct heap_blocks_found heap_blocks_prefetch_record(const struct heap_blocks *blocks,
                                                     uint32_t hash)
{
    uint64_t mask = blocks->slot_count - 1;
    uint64_t at = heap_blocks_home(blocks, hash);
    while (blocks->slots[at] != 0 && blocks->slots[at] >> 32 != hash) {
        at = (at + 1) & mask;
    }
    if (blocks->slots[at] == 0) {
        return (struct heap_blocks_found){NULL, at};
    }
    /* More than half of the records stand in two cache lines. */
    struct heap_block *block = heap_blocks_record(blocks, (uint32_t)blocks->slots[at]);
    __builtin_prefetch(block);
    __builtin_prefetch((const char *)(block + 1) - 1);
    return (struct heap_blocks_found){block, at};
}

size_t heap_blocks_bytes(const struct heap_blocks *blocks)
{
    size_t first_bytes = HEAP_BLOCKS_CHUNK_FIRST * sizeof(struct heap_block);
    size_t used_bytes = (blocks->next_record - HEAP_BLOCKS_CHUNK_FIRST) * sizeof(struct heap_block);
    return (used_bytes > first_bytes ? used_bytes : first_bytes) +
           blocks->slot_count * sizeof *blocks->slots;
}
