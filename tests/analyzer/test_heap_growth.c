#include "heap/heap_growth.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "alloctrap/loglin.h"
#include "heap/heap_blocks.h"

enum { SITE = 3, OTHER_SITE = 4 };

#define LARGEST_BYTES SESSION_LOW48 /* that a block can have */

static struct heap_growth growth;

static void end(void)
{
    heap_growth_finish(&growth);
}

TestSuite(heap_growth, .fini = end);

static uint32_t step(uint32_t chain, uint64_t old_bytes, uint64_t new_bytes)
{
    return heap_growth_step(&growth, chain, SITE, old_bytes, new_bytes, HEAP_GROWTH_MOVED);
}

/* A chain from first_bytes on, growing by `by` at each step. */
static uint32_t grow(uint64_t first_bytes, uint64_t by, unsigned steps)
{
    uint32_t chain = 0;
    for (unsigned i = 0; i < steps; i++, first_bytes += by) {
        chain = step(chain, first_bytes, first_bytes + by);
    }
    return chain;
}

static void fold(uint32_t chain, struct profile_growth *into)
{
    heap_growth_fold(&growth.chains.at[chain], into);
}

Test(heap_growth, a_step_counts_for_the_way_it_was_done_alone)
{
    static const enum heap_growth_way ways[] = {HEAP_GROWTH_BY_COPY, HEAP_GROWTH_MOVED,
                                                HEAP_GROWTH_IN_PLACE};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        uint32_t chain = heap_growth_step(&growth, 0, SITE, 100, 150, ways[i]);
        cr_assert_neq(chain, 0);
        const struct heap_chain *c = &growth.chains.at[chain];
        cr_assert_eq(c->steps, 1);
        cr_assert_eq(c->copied_bytes, 100, "what had to be kept, whatever was done about it");
        cr_assert_eq(c->by_copy_steps, ways[i] == HEAP_GROWTH_BY_COPY);
        cr_assert_eq(c->in_place_steps, ways[i] == HEAP_GROWTH_IN_PLACE);
        cr_assert_eq(c->in_place_bytes, ways[i] == HEAP_GROWTH_IN_PLACE ? 100 : 0);
    }
}

Test(heap_growth, a_sixteenth_of_the_old_block_is_geometric_and_less_is_not)
{
    static const struct {
        uint64_t old_bytes;
        uint64_t by;
        bool is_geometric;
    } cases[] = {
        {0, 1, true},
        {PROFILE_GEOMETRIC_DIVISOR - 1, 1, true},
        {100 * PROFILE_GEOMETRIC_DIVISOR, 100, true},
        {100 * PROFILE_GEOMETRIC_DIVISOR, 99, false},
        {LARGEST_BYTES - 1, 1, false},
        {LARGEST_BYTES / 2, LARGEST_BYTES / 2, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t chain = step(0, cases[i].old_bytes, cases[i].old_bytes + cases[i].by);
        cr_assert_eq(growth.chains.at[chain].geometric_steps, cases[i].is_geometric, "case %zu", i);
    }
}

Test(heap_growth, a_chain_is_of_the_site_of_its_latest_block)
{
    uint32_t chain = step(0, 10, 20);
    cr_assert_eq(step(chain, 20, 40), chain);
    cr_assert_eq(growth.chains.at[chain].site, SITE);
    (void)heap_growth_step(&growth, chain, OTHER_SITE, 40, 50, HEAP_GROWTH_MOVED);
    cr_assert_eq(growth.chains.at[chain].site, OTHER_SITE);
    heap_growth_keep(&growth, chain, SITE, 30);
    cr_assert_eq(growth.chains.at[chain].site, SITE);
}

Test(heap_growth, a_block_that_does_not_grow_is_no_step_and_the_chain_goes_on)
{
    uint32_t chain = step(0, 10, 20);
    heap_growth_keep(&growth, chain, SITE, 5);
    struct profile_growth told = {0};
    fold(chain, &told);
    cr_assert_eq(told.steps, 1);
    cr_assert_eq(told.copied_bytes, 10);
    cr_assert_eq(told.first_bytes, 10);
    cr_assert_eq(told.last_bytes, 5, "the size it has now");
    cr_assert_eq(step(chain, 5, 30), chain);
    cr_assert_eq(growth.chains.at[chain].steps, 2);
    hist_finish(&told.last_size);
}

Test(heap_growth, open_chains_do_not_mix)
{
    enum { CHAINS = 1000 };
    uint32_t chains[CHAINS];
    for (unsigned i = 0; i < CHAINS; i++) {
        chains[i] = step(0, i, 2 * i + 1);
    }
    for (unsigned i = 0; i < CHAINS; i++) {
        cr_assert_eq(step(chains[i], 2 * i + 1, 10000), chains[i]);
    }
    for (unsigned i = 0; i < CHAINS; i++) {
        const struct heap_chain *c = &growth.chains.at[chains[i]];
        cr_assert_neq(chains[i], 0, "0 is no chain");
        cr_assert_eq(c->first_bytes, i);
        cr_assert_eq(c->steps, 2);
        cr_assert_eq(c->copied_bytes, 3 * i + 1);
    }
}

Test(heap_growth, a_number_is_used_again_and_nothing_of_its_last_chain_is_left)
{
    enum { CHAINS = 5 };
    uint32_t chains[CHAINS];
    for (unsigned i = 0; i < CHAINS; i++) {
        chains[i] = grow(100, 50, i + 1);
    }
    size_t places = growth.chains.count;
    for (unsigned i = 0; i < CHAINS; i++) {
        heap_growth_drop(&growth, chains[i]);
        cr_assert_eq(growth.chains.at[chains[i]].steps, 0, "free");
    }
    for (unsigned i = 0; i < CHAINS; i++) {
        uint32_t chain = heap_growth_step(&growth, 0, SITE, 7, 8, HEAP_GROWTH_IN_PLACE);
        const struct heap_chain *c = &growth.chains.at[chain];
        cr_assert(c->first_bytes == 7 && c->last_bytes == 8 && c->copied_bytes == 7);
        cr_assert(c->steps == 1 && c->geometric_steps == 1 && c->by_copy_steps == 0);
        cr_assert(c->in_place_steps == 1 && c->in_place_bytes == 7 && c->site == SITE);
    }
    cr_assert_eq(growth.chains.count, places);
}

/* What a block can say of its chain is HEAP_BLOCK_CHAIN_MAX at most. All but the last two chains
 * are open as far as the heap knows; their memory is asked for, and never touched. */
Test(heap_growth, beyond_the_last_number_a_step_is_refused_and_counted_until_a_chain_ends)
{
    growth.chains.at = mem_zero(HEAP_BLOCK_CHAIN_MAX + 1, sizeof *growth.chains.at);
    growth.chains.room = HEAP_BLOCK_CHAIN_MAX + 1;
    growth.chains.count = HEAP_BLOCK_CHAIN_MAX - 1;
    uint32_t first = step(0, 10, 20);
    uint32_t last = step(0, 10, 20);
    cr_assert_eq(first, HEAP_BLOCK_CHAIN_MAX - 1);
    cr_assert_eq(last, HEAP_BLOCK_CHAIN_MAX);
    cr_assert_eq(growth.refused, 0);
    cr_assert_eq(step(0, 10, 20), 0);
    cr_assert_eq(step(0, 10, 20), 0);
    cr_assert_eq(growth.refused, 2);
    cr_assert_eq(step(last, 20, 40), last, "what is followed goes on");
    cr_assert_eq(growth.refused, 2);
    heap_growth_drop(&growth, first);
    cr_assert_eq(step(0, 10, 20), first);
    cr_assert_eq(step(0, 10, 20), 0);
}

Test(heap_growth, folding_adds_a_chain_to_what_its_site_has)
{
    struct profile_growth told = {0};
    fold(grow(100, 10, 3), &told);
    fold(grow(1000, 500, 2), &told);
    fold(grow(64, 1, 1), &told);
    cr_assert_eq(told.chains, 3);
    cr_assert_eq(told.steps, 3 + 2 + 1);
    cr_assert_eq(told.steps_max, 3, "of the longest, not of the latest");
    cr_assert_eq(told.first_bytes, 100 + 1000 + 64);
    cr_assert_eq(told.last_bytes, 130 + 2000 + 65);
    cr_assert_eq(told.copied_bytes, 100 + 110 + 120 + 1000 + 1500 + 64);
    cr_assert_eq(told.geometric_steps, 3 + 2, "1 more than 64 is not");
    cr_assert_eq(told.last_size.count, 3);
    cr_assert_eq(hist_min(&told.last_size), loglin_value(loglin_code(65)));
    cr_assert_eq(hist_max(&told.last_size), loglin_value(loglin_code(2000)));
    hist_finish(&told.last_size);
}

Test(heap_growth, more_steps_than_a_few_make_a_chain_long)
{
    struct profile_growth told = {0};
    fold(grow(10, 10, PROFILE_LONG_STEPS), &told);
    cr_assert_eq(told.longs.chains, 0);
    cr_assert_eq(told.longs.steps, 0);
    uint32_t chain = grow(100, 100, PROFILE_LONG_STEPS);
    chain = heap_growth_step(&growth, chain, SITE, 900, 901, HEAP_GROWTH_IN_PLACE);
    fold(chain, &told);
    cr_assert_eq(told.chains, 2);
    cr_assert_eq(told.longs.chains, 1);
    cr_assert_eq(told.longs.steps, PROFILE_LONG_STEPS + 1);
    cr_assert_eq(told.longs.first_bytes, 100);
    cr_assert_eq(told.longs.last_bytes, 901);
    cr_assert_eq(told.longs.copied_bytes, 100 + 200 + 300 + 400 + 500 + 600 + 700 + 800 + 900);
    cr_assert_eq(told.longs.in_place_bytes, 900);
    cr_assert_eq(told.longs.geometric_steps, PROFILE_LONG_STEPS);
    hist_finish(&told.last_size);
}

/* Numbers and last sizes; what the memory of those is, is nobody's business. */
static void expect_equal(const struct profile_growth *a, const struct profile_growth *b)
{
    struct profile_growth x = *a;
    struct profile_growth y = *b;
    x.last_size = y.last_size = (struct hist){0};
    cr_assert_eq(memcmp(&x, &y, sizeof x), 0);
    cr_assert_eq(a->last_size.count, b->last_size.count);
    cr_assert_eq(a->last_size.bin_count, b->last_size.bin_count);
    for (uint32_t i = 0; i < a->last_size.bin_count; i++) {
        cr_assert_eq(a->last_size.bins[i].code, b->last_size.bins[i].code);
        cr_assert_eq(a->last_size.bins[i].count, b->last_size.bins[i].count);
    }
}

/* A site's chains told at once, or by two processes' profiles: steps_max alone is no sum. */
Test(heap_growth, adding_two_growths_is_folding_the_chains_of_both)
{
    uint32_t few = heap_growth_step(&growth, grow(100, 10, 4), SITE, 140, 300, HEAP_GROWTH_BY_COPY);
    uint32_t many = heap_growth_step(&growth, grow(5, 5, 2 * PROFILE_LONG_STEPS), OTHER_SITE, 85,
                                     90, HEAP_GROWTH_IN_PLACE);
    uint32_t long_too = grow(1, LARGEST_BYTES / 16, PROFILE_LONG_STEPS + 1);
    struct profile_growth all = {0};
    struct profile_growth one = {0};
    struct profile_growth other = {0};
    fold(few, &one);
    fold(long_too, &one);
    fold(many, &other);
    fold(few, &all);
    fold(long_too, &all);
    fold(many, &all);
    heap_growth_add(&one, &other);
    expect_equal(&one, &all);
    cr_assert_eq(one.longs.chains, 2);
    heap_growth_add(&one, &(struct profile_growth){0});
    expect_equal(&one, &all);
    struct profile_growth from_nothing = {0};
    heap_growth_add(&from_nothing, &all);
    expect_equal(&from_nothing, &all);
    hist_finish(&all.last_size);
    hist_finish(&one.last_size);
    hist_finish(&other.last_size);
    hist_finish(&from_nothing.last_size);
}

Test(heap_growth, finished_it_is_empty_and_can_be_used_again)
{
    heap_growth_finish(&growth); /* nothing was followed yet */
    uint32_t dropped = grow(100, 10, 3);
    (void)grow(100, 10, 2);
    heap_growth_drop(&growth, dropped);
    heap_growth_finish(&growth);
    cr_assert_eq(growth.chains.count, 0);
    uint32_t chain = step(0, 1, 2);
    cr_assert_lt(chain, growth.chains.count, "no number of before");
    cr_assert_eq(growth.chains.at[chain].steps, 1);
}
