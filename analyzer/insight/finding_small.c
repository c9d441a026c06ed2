/*
 * Small blocks by the thousand: boxed, arena, oversized.
 */
#include "insight/finding.h"

enum {
    BOXED_BYTES_MAX = 8, /* no larger than the pointer to it */
    BOXED_BLOCKS_MIN = 100,
    BOXED_ONE_SIZE_PERMILLE = 950,
    BOXED_ALIVE_PERMILLE = 100, /* alive at once: boxes are held; empty strings come and go */
    /* A structure that holds the pointers: not more than four for each box. */
    BOXED_HOLDER_MAX = 4,
    ARENA_ALLOCS_MIN = 256,
    ARENA_TOGETHER_PERMILLE = 500, /* the first 63 of a burst do not count as one */
    ARENA_SURE_PERMILLE = 900,
    ARENA_ONE_SIZE_PERMILLE = 500, /* nodes; strings spread over many bins */
    ARENA_BYTES_MAX = 4096,        /* larger blocks are worth a call */
    ARENA_CHUNK_BYTES = 65536,
    OVERSIZED_WASTE_PERMILLE = 250, /* of what was asked for; below it rounding is just that */
    OVERSIZED_BYTES_MIN = 65536,
    /* glibc: a chunk is a multiple of 16 bytes with 8 of its own, and at least 32. */
    GLIBC_CHUNK_MIN = 32,
    GLIBC_CHUNK_STEP = 16,
    GLIBC_CHUNK_OWN = 8
};

static uint64_t glibc_chunk(uint64_t size)
{
    uint64_t chunk = (size + GLIBC_CHUNK_OWN + GLIBC_CHUNK_STEP - 1) & ~UINT64_C(15);
    return chunk > GLIBC_CHUNK_MIN ? chunk : GLIBC_CHUNK_MIN;
}

/* jemalloc: 8, multiples of 16 to 128, then four classes for each doubling. */
static uint64_t jemalloc_class(uint64_t size)
{
    if (size <= 8) {
        return 8;
    }
    if (size <= 128) {
        return (size + 15) & ~UINT64_C(15);
    }
    unsigned top = 63U - (unsigned)__builtin_clzll(size - 1);
    uint64_t step = UINT64_C(1) << (top - 2);
    return (size + step - 1) / step * step;
}

/* What the allocator sets aside for a request. */
static uint64_t taken_for(const struct finding_facts *facts, uint64_t size)
{
    return facts->is_jemalloc ? jemalloc_class(size) : glibc_chunk(size);
}

/* Some structure that holds a pointer for each box: alive with them, and of about that size. */
static bool has_holder(const struct finding_facts *facts, const struct finding_group *group)
{
    const struct profile *p = facts->profile;
    uint64_t pointers_bytes = group->max_blocks * sizeof(void *);
    for (size_t i = 1; i < p->sites.count; i++) {
        uint64_t largest = hist_max(&p->sites.at[i].size);
        if (i != group->site && largest >= pointers_bytes - pointers_bytes / 32 &&
            largest / BOXED_HOLDER_MAX <= pointers_bytes) {
            return true;
        }
    }
    return false;
}

static uint64_t one_size_permille(const struct hist *size)
{
    uint64_t best = 0;
    for (uint32_t i = 0; i < size->bin_count; i++) {
        best = size->bins[i].count > best ? size->bins[i].count : best;
    }
    return finding_permille(best, size->count);
}

bool finding_boxed(const struct finding_facts *facts, const struct finding_group *group,
                   struct finding *f)
{
    uint64_t largest = hist_max(&group->size);
    if (largest > BOXED_BYTES_MAX || group->max_blocks < BOXED_BLOCKS_MIN ||
        finding_permille(group->max_blocks, group->allocs) < BOXED_ALIVE_PERMILLE ||
        one_size_permille(&group->size) < BOXED_ONE_SIZE_PERMILLE) {
        return false;
    }
    f->saves.calls = group->allocs;
    f->saves.ns = finding_ns_of(group, group->allocs);
    f->saves.memory_bytes = group->peak_bytes;
    finding_add(f, "allocations", "boxes", FINDING_COUNT, group->allocs);
    finding_add(f, "size_bytes", "in each", FINDING_BYTES, largest);
    finding_add(f, "taken_bytes", "that the allocator takes for it", FINDING_BYTES,
                taken_for(facts, largest));
    finding_add(f, "blocks_at_once", "alive at once", FINDING_COUNT, group->max_blocks);
    bool is_held = has_holder(facts, group);
    f->confidence = is_held ? FINDING_HIGH : FINDING_MEDIUM;
    f->reason = is_held ? "a value is no larger than the pointer to it, and a block with room for "
                          "one pointer to each was seen"
                        : "a value is no larger than the pointer to it; what holds the pointers "
                          "was not seen";
    return true;
}

bool finding_arena(const struct finding_facts *facts, const struct finding_group *group,
                   struct finding *f)
{
    (void)facts;
    uint64_t permille = finding_permille(group->burst_frees, group->allocs);
    if (group->allocs < ARENA_ALLOCS_MIN || permille < ARENA_TOGETHER_PERMILLE ||
        !finding_is_up_to(hist_quantile(&group->size, 5000), ARENA_BYTES_MAX)) {
        return false;
    }
    uint64_t chunks = group->bytes / ARENA_CHUNK_BYTES + 1;
    f->saves.calls = group->allocs > chunks ? group->allocs - chunks : 0;
    f->saves.ns = finding_ns_of(group, f->saves.calls);
    finding_add(f, "allocations", "allocations", FINDING_COUNT, group->allocs);
    finding_add(f, "size_p50_bytes", "median size", FINDING_BYTES,
                hist_quantile(&group->size, 5000));
    finding_add(f, "burst_permille", "freed in a row with at least 63 others", FINDING_PERMILLE,
                permille);
    finding_add(f, "bursts", "such bursts", FINDING_COUNT, group->bursts);
    finding_add(f, "blocks_at_once", "alive at once at most", FINDING_COUNT, group->max_blocks);
    finding_add(f, "free_ns", "freeing them took", FINDING_NS, group->free_ns);
    bool is_one_size = one_size_permille(&group->size) >= ARENA_ONE_SIZE_PERMILLE;
    bool is_sure = permille >= ARENA_SURE_PERMILLE && is_one_size;
    f->confidence = is_sure ? FINDING_HIGH : FINDING_MEDIUM;
    f->reason = is_sure ? "nearly all have one size and died in bursts, with no allocation between"
                : permille >= ARENA_SURE_PERMILLE
                    ? "nearly all died in bursts; but sizes vary: if they are values that others "
                      "may own or change, an arena does not fit"
                    : "more than half died in bursts, with no allocation between; the others did "
                      "not";
    return true;
}

/* Bytes set aside beyond what was asked for, all blocks ever. */
static uint64_t wasted_bytes(const struct finding_facts *facts, const struct hist *size)
{
    uint64_t wasted = 0;
    for (uint32_t i = 0; i < size->bin_count; i++) {
        uint64_t asked = loglin_value(size->bins[i].code);
        uint64_t own = facts->is_jemalloc ? 0 : GLIBC_CHUNK_OWN;
        uint64_t usable = taken_for(facts, asked) - own;
        wasted += usable > asked ? (usable - asked) * size->bins[i].count : 0;
    }
    return wasted;
}

bool finding_oversized(const struct finding_facts *facts, const struct finding_group *group,
                       struct finding *f)
{
    if (!facts->is_glibc && !facts->is_jemalloc) {
        return false; /* whose classes are not known here */
    }
    uint64_t wasted = wasted_bytes(facts, &group->size);
    uint64_t permille = finding_permille(wasted, group->bytes);
    uint64_t at_peak =
        group->peak_bytes / 1000 * permille + group->peak_bytes % 1000 * permille / 1000;
    if (permille < OVERSIZED_WASTE_PERMILLE || at_peak < OVERSIZED_BYTES_MIN) {
        return false;
    }
    f->saves.memory_bytes = at_peak;
    finding_add(f, "allocations", "allocations", FINDING_COUNT, group->allocs);
    finding_add(f, "size_p50_bytes", "median size asked for", FINDING_BYTES,
                hist_quantile(&group->size, 5000));
    finding_add(f, "wasted_permille", "set aside on top of what was asked for", FINDING_PERMILLE,
                permille);
    finding_add(f, "wasted_at_peak_bytes", "of it at the peak", FINDING_BYTES, at_peak);
    f->confidence = FINDING_LOW;
    f->reason = "computed from the allocator's size classes, not measured";
    return true;
}
