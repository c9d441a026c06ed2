/*
 * Blocks with short lives: zeroed, scratch, temporary, pool, cold-pool.
 * "At once" is by the thread that allocated, before it allocated again: see docs/concepts.md.
 */
#include "insight/finding.h"

enum {
    SHORT_ALLOCS_MIN = 100,    /* below it no change is worth its risk */
    SHORT_MOST_PERMILLE = 900, /* "nearly all": what is left is errors, ends, first times */
    SHORT_SURE_PERMILLE = 990,
    /* What a function may put on the stack: threads have as little as 16 KiB, frames add up. */
    STACK_BYTES_MAX = 1024,
    STACK_SURE_BYTES_MAX = 256,
    STACK_BLOCKS_MAX = 32, /* alive at once: more is a structure, not a few variables */
    /* Clearing 4 KiB takes about as long as the call itself: 50 ns. */
    ZEROED_BYTES_MIN = 4096,
    POOL_FEW_SIZES = 4,       /* bins of the size histogram that hold nearly all */
    POOL_ALLOCS_A_BLOCK = 16, /* a pool that serves each block fewer times is not worth keeping */
    POOL_KEPT_BYTES_MAX = 1 << 20, /* one buffer of any size up to this can be kept and grown */
    COLD_LIFE_ALLOCS = 64,         /* who lives through so many allocations was kept on purpose */
    COLD_ALLOCS_A_BLOCK = 8
};

static uint64_t p99(const struct hist *hist)
{
    return hist_quantile(hist, 9900);
}

static bool are_most_temporary(const struct finding_group *group)
{
    return group->allocs >= SHORT_ALLOCS_MIN &&
           finding_permille(group->temporaries, group->allocs) >= SHORT_MOST_PERMILLE;
}

/* Most of these blocks became something larger: the chain's end is where to look. */
static bool are_steps(const struct finding_group *group)
{
    return group->replaced > group->allocs / 2;
}

static void save_all(struct finding *f, const struct finding_group *group, uint64_t calls)
{
    f->saves.calls = calls;
    f->saves.ns = finding_ns_of(group, calls);
}

static void add_sizes(struct finding *f, const struct finding_group *group)
{
    finding_add(f, "allocations", "allocations", FINDING_COUNT, group->allocs);
    finding_add(f, "size_p50_bytes", "median size", FINDING_BYTES,
                hist_quantile(&group->size, 5000));
    finding_add(f, "size_max_bytes", "largest", FINDING_BYTES, hist_max(&group->size));
}

bool finding_zeroed(const struct finding_facts *facts, const struct finding_group *group,
                    struct finding *f)
{
    uint64_t size = hist_quantile(&group->size, 5000);
    if (!are_most_temporary(group) || size < ZEROED_BYTES_MIN ||
        finding_permille(group->callocs, group->allocs) < SHORT_MOST_PERMILLE) {
        return false;
    }
    uint64_t plain_ns = group->callocs * facts->malloc_p50_ns;
    f->saves.ns = group->calloc_ns > plain_ns ? group->calloc_ns - plain_ns : 0;
    f->saves.cleared_bytes = group->bytes;
    add_sizes(f, group);
    finding_add(f, "calloc_calls", "by calloc", FINDING_COUNT, group->callocs);
    finding_add(f, "temporary_permille", "freed before the thread allocated again",
                FINDING_PERMILLE, finding_permille(group->temporaries, group->allocs));
    finding_add(f, "calloc_mean_ns", "one calloc takes", FINDING_NS,
                group->calloc_ns / group->callocs);
    f->confidence = FINDING_MEDIUM;
    f->reason = "calls and times are measured; whether the zeros are read before they are "
                "overwritten, events cannot show";
    return true;
}

static void add_short(struct finding *f, const struct finding_group *group)
{
    add_sizes(f, group);
    finding_add(f, "temporary_permille", "freed before the thread allocated again",
                FINDING_PERMILLE, finding_permille(group->temporaries, group->allocs));
    finding_add(f, "same_activation_permille", "freed in the same call of the same function",
                FINDING_PERMILLE, finding_permille(group->same_frame, group->allocs));
    finding_add(f, "life_p50_ns", "median life", FINDING_NS, hist_quantile(&group->life_ns, 5000));
}

static bool fits_stack(const struct finding_group *group)
{
    return finding_is_up_to(hist_max(&group->size), STACK_BYTES_MAX);
}

bool finding_scratch(const struct finding_facts *facts, const struct finding_group *group,
                     struct finding *f)
{
    (void)facts;
    uint64_t permille = finding_permille(group->same_frame, group->allocs);
    if (group->allocs < SHORT_ALLOCS_MIN || permille < SHORT_MOST_PERMILLE || !fits_stack(group) ||
        group->max_blocks > STACK_BLOCKS_MAX * (uint64_t)group->sites || are_steps(group)) {
        return false;
    }
    save_all(f, group, group->allocs);
    add_short(f, group);
    bool is_sure = permille >= SHORT_SURE_PERMILLE &&
                   finding_is_up_to(hist_max(&group->size), STACK_SURE_BYTES_MAX);
    f->confidence = is_sure ? FINDING_HIGH : FINDING_MEDIUM;
    f->reason = is_sure ? "all were freed by the call that made them, and none was large"
                        : "nearly all were freed by the call that made them, but their sizes vary "
                          "or some were kept: the bound has to be known";
    return true;
}

bool finding_temporary(const struct finding_facts *facts, const struct finding_group *group,
                       struct finding *f)
{
    (void)facts;
    if (!are_most_temporary(group) || !fits_stack(group) || are_steps(group)) {
        return false;
    }
    save_all(f, group, group->temporaries);
    add_short(f, group);
    bool is_sure = finding_permille(group->temporaries, group->allocs) >= SHORT_SURE_PERMILLE &&
                   hist_min(&group->size) == hist_max(&group->size);
    f->confidence = is_sure ? FINDING_HIGH : FINDING_MEDIUM;
    f->reason = is_sure ? "all have one size, and were freed before anything else was allocated"
                        : "they are short-lived for certain; whether the caller can do without "
                          "a block of their own, their sizes do not tell";
    return true;
}

/* So many bins of the histogram, the fullest ones, hold nearly all. */
static bool are_few_sizes(const struct hist *size)
{
    uint64_t best[POOL_FEW_SIZES] = {0};
    for (uint32_t i = 0; i < size->bin_count; i++) {
        uint64_t count = size->bins[i].count;
        for (unsigned k = 0; k < POOL_FEW_SIZES; k++) {
            if (count > best[k]) {
                uint64_t smaller = best[k];
                best[k] = count;
                count = smaller;
            }
        }
    }
    uint64_t sum = 0;
    for (unsigned k = 0; k < POOL_FEW_SIZES; k++) {
        sum += best[k];
    }
    return finding_permille(sum, size->count) >= SHORT_MOST_PERMILLE;
}

static void add_pool(struct finding *f, const struct finding_group *group)
{
    add_sizes(f, group);
    finding_add(f, "pool_blocks", "alive at once at most: the pool's size", FINDING_COUNT,
                group->max_blocks);
    finding_add(f, "pool_bytes", "what it would hold", FINDING_BYTES,
                group->max_blocks * p99(&group->size));
    finding_add(f, "life_p50_allocations", "median life in allocations of the program",
                FINDING_COUNT, hist_quantile(&group->life_allocs, 5000));
    finding_add(f, "life_p50_ns", "median life", FINDING_NS, hist_quantile(&group->life_ns, 5000));
}

/* Blocks that die and are made again, each time as before. */
static bool comes_again(const struct finding_group *group, uint64_t allocs_a_block)
{
    return group->allocs >= SHORT_ALLOCS_MIN && group->max_blocks != 0 && !are_steps(group) &&
           group->allocs / allocs_a_block >= group->max_blocks &&
           finding_permille(group->freed, group->allocs) >= SHORT_MOST_PERMILLE;
}

bool finding_pool(const struct finding_facts *facts, const struct finding_group *group,
                  struct finding *f)
{
    (void)facts;
    bool is_few = are_few_sizes(&group->size);
    bool is_one_buffer =
        are_most_temporary(group) && finding_is_up_to(p99(&group->size), POOL_KEPT_BYTES_MAX);
    if (!comes_again(group, POOL_ALLOCS_A_BLOCK) || (!is_few && !is_one_buffer) ||
        hist_quantile(&group->life_allocs, 5000) >= COLD_LIFE_ALLOCS) {
        return false;
    }
    save_all(f, group, group->allocs - group->max_blocks);
    add_pool(f, group);
    bool is_sure = are_most_temporary(group) && is_few;
    f->confidence = is_sure ? FINDING_HIGH : FINDING_MEDIUM;
    f->reason = is_sure  ? "the sizes repeat and each block is gone before the next is made"
                : is_few ? "the sizes repeat and few are alive at once; whether they can be handed "
                           "back to a pool, the code must tell"
                         : "each block is gone before the next is made, but their sizes vary: one "
                           "buffer that grows would do";
    return true;
}

bool finding_cold_pool(const struct finding_facts *facts, const struct finding_group *group,
                       struct finding *f)
{
    (void)facts;
    if (!comes_again(group, COLD_ALLOCS_A_BLOCK) || !are_few_sizes(&group->size) ||
        hist_quantile(&group->life_allocs, 5000) < COLD_LIFE_ALLOCS ||
        finding_permille(group->same_frame, group->allocs) > 1000 - SHORT_MOST_PERMILLE) {
        return false;
    }
    save_all(f, group, group->allocs - group->max_blocks);
    add_pool(f, group);
    f->confidence = FINDING_LOW;
    f->reason = "blocks of the same sizes that live long and are then made again look like a pool "
                "or cache that misses; events do not show its hits";
    return true;
}
