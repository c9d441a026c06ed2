#include "heap/heap_site.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "alloctrap/loglin.h"

enum { FIRST = 1, SECOND = 2, THIRD = 3, SITES = 3 };

static struct profile *profile;
static struct heap_sites sites;
static struct heap_growth growth;

/* Sites up to and including `last`, each under a caller of its own. */
static void reach(uint32_t last)
{
    while (profile->sites.count <= last) {
        uint32_t id = (uint32_t)profile->sites.count;
        uint32_t caller = profile_path(profile, 0, profile_frame(profile, 0, id, 0), false);
        uint32_t frame = profile_frame(profile, 0, UINT64_C(1) << 32 | id, 0);
        cr_assert_eq(profile_site(profile, profile_path(profile, caller, frame, false)), id);
    }
    heap_sites_reach(&sites, profile, last);
}

static void begin(void)
{
    profile = profile_create();
    reach(SITES);
}

static void end(void)
{
    heap_sites_finish(&sites);
    heap_growth_finish(&growth);
    profile_destroy(profile);
}

TestSuite(heap_site, .init = begin, .fini = end);

static const struct profile_site *settled(uint32_t site)
{
    heap_sites_settle(&sites, &growth, profile);
    return &profile->sites.at[site];
}

/* One plain call that took `ns`. */
static void call_once(uint32_t site, uint8_t call, uint64_t ns)
{
    heap_hist_add(&heap_sites_call(&sites, site, call)->latency, loglin_code(ns), &sites.budget);
}

/* --- sites and functions --- */

Test(heap_site, more_sites_than_there_was_room_for_keep_what_was_counted)
{
    enum { MANY = 5000 };
    for (uint32_t site = 1; site <= MANY; site += site < 300 ? 1 : 400) { /* one by one, in leaps */
        reach(site);
        heap_sites_begin(&sites, site, site, site);
    }
    for (uint32_t site = 1; site <= MANY; site += site < 300 ? 1 : 400) {
        cr_assert_eq(sites.sites[site].live_bytes, site);
        cr_assert_eq(sites.sites[site].live_blocks, 1);
    }
    for (uint32_t site = 0; site < sites.site_count; site++) {
        cr_assert_eq(sites.sites[site].path, profile->sites.at[site].path);
    }
    uint32_t count = sites.site_count;
    heap_sites_reach(&sites, profile, SECOND);
    cr_assert_eq(sites.site_count, count, "it was there");
    cr_assert_eq(sites.sites[SECOND].live_bytes, SECOND);
}

Test(heap_site, each_function_at_each_site_has_its_own_counters)
{
    for (uint32_t site = 0; site <= SITES; site++) {
        for (uint8_t call = 0; call < CALL_COUNT; call++) {
            heap_sites_call(&sites, site, call)->bytes = UINT64_C(1000) * site + call + 1;
        }
    }
    for (uint32_t site = 0; site <= SITES; site++) {
        for (uint8_t call = CALL_COUNT; call-- > 0;) {
            const struct heap_call *c = heap_sites_call(&sites, site, call);
            cr_assert_eq(c->bytes, UINT64_C(1000) * site + call + 1);
            cr_assert_eq(c->site, site);
        }
    }
}

Test(heap_site, odd_events_are_counted_for_the_function_that_had_them)
{
    static const uint8_t calls[] = {CALL_REALLOC, CALL_MALLOC, CALL_FREE}; /* the first is own */
    for (uint32_t site = FIRST; site <= SECOND; site++) {
        for (size_t i = 0; i < sizeof calls; i++) {
            struct heap_call *call = heap_sites_call(&sites, site, calls[i]);
            struct profile_calls added = {.calls = 1, .failed = 10 * site + i};
            heap_odd_add(heap_sites_odd(&sites, call), &added);
            heap_odd_add(heap_sites_odd(&sites, call), &added);
        }
    }
    for (uint32_t site = FIRST; site <= SECOND; site++) {
        for (size_t i = 0; i < sizeof calls; i++) {
            const struct heap_odd *odd =
                heap_sites_odd(&sites, heap_sites_call(&sites, site, calls[i]));
            cr_assert_eq(odd->calls, 2);
            cr_assert_eq(odd->failed, 2 * (10 * site + i));
        }
    }
}

Test(heap_site, what_a_function_did_follows_from_its_latencies_and_what_was_odd)
{
    static const struct heap_odd none = {0};
    /* as the heap counts: a realloc's OLD half is no call and a free, a failed call is a call */
    static const struct heap_odd odd = {.calls = 2, .allocs = 1, .frees = 4, .failed = 1};
    struct hist latency = {0};
    hist_add(&latency, loglin_code(20), 4);
    hist_add(&latency, loglin_code(50), 1);
    struct profile_calls counts = heap_odd_counts(&none, CALL_MALLOC, 700, &latency);
    cr_assert_eq(counts.calls, 5);
    cr_assert_eq(counts.allocs, 5);
    cr_assert_eq(counts.frees, 0);
    cr_assert_eq(counts.bytes, 700);
    cr_assert_eq(counts.ns, 4 * 20 + 50);
    cr_assert_eq(counts.ns_max, 50);
    counts = heap_odd_counts(&none, CALL_FREE, 0, &latency);
    cr_assert_eq(counts.allocs, 0);
    cr_assert_eq(counts.frees, 5);
    counts = heap_odd_counts(&odd, CALL_REALLOC, 700, &latency);
    cr_assert_eq(counts.calls, 5);
    cr_assert_eq(counts.allocs, 1 + 3, "those without flags began a block each");
    cr_assert_eq(counts.frees, 4);
    cr_assert_eq(counts.failed, 1);
    counts = heap_odd_counts(&odd, CALL_FREE, 0, &latency);
    cr_assert_eq(counts.allocs, 1);
    cr_assert_eq(counts.frees, 4 + 3);
    struct hist empty = {0};
    counts = heap_odd_counts(&none, CALL_FREE, 0, &empty);
    cr_assert(counts.calls == 0 && counts.frees == 0 && counts.ns == 0 && counts.ns_max == 0);
    hist_finish(&latency);
}

/* --- pairs --- */

Test(heap_site, a_pair_is_found_again_after_others)
{
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t from = 0; from <= SITES; from++) {
            for (uint32_t to = 0; to <= SITES; to++) {
                heap_sites_pair(&sites, profile, from, to)->count += 1;
            }
        }
    }
    cr_assert_eq(sites.pairs.count, (SITES + 1) * (SITES + 1));
    for (size_t i = 0; i < sites.pairs.count; i++) {
        cr_assert_eq(sites.pairs.at[i].count, 3);
    }
    const struct profile_pair *pair = heap_sites_pair(&sites, profile, SECOND, THIRD);
    cr_assert(pair->alloc_site == SECOND && pair->free_site == THIRD, "which is not the reverse");
}

Test(heap_site, with_its_pair_a_site_knows_whether_both_have_one_caller)
{
    uint32_t caller = profile->paths.at[profile->sites.at[FIRST].path].parent;
    uint32_t frame = profile_frame(profile, 0, 1000, 0);
    uint32_t sibling = profile_site(profile, profile_path(profile, caller, frame, false));
    heap_sites_reach(&sites, profile, sibling);
    (void)heap_sites_pair(&sites, profile, FIRST, sibling);
    cr_assert(sites.sites[FIRST].has_last_caller);
    (void)heap_sites_pair(&sites, profile, FIRST, SECOND);
    cr_assert_not(sites.sites[FIRST].has_last_caller);
    (void)heap_sites_pair(&sites, profile, FIRST, FIRST);
    cr_assert(sites.sites[FIRST].has_last_caller);
}

Test(heap_site, too_many_pairs_share_the_remainder_and_known_ones_stay_apart)
{
    enum { SIDE = 448, BEYOND = SIDE * SIDE - PROFILE_PAIRS_MAX };
    reach(SIDE);
    for (uint32_t from = 1; from <= SIDE; from++) {
        for (uint32_t to = 1; to <= SIDE; to++) {
            heap_sites_pair(&sites, profile, from, to)->count += 1;
        }
    }
    cr_assert_gt(BEYOND, 0);
    cr_assert_eq(sites.pairs.count, PROFILE_PAIRS_MAX + 1);
    cr_assert_eq(heap_sites_pair(&sites, profile, 0, 0)->count, BEYOND);
    cr_assert_eq(heap_sites_pair(&sites, profile, 1, 1)->count, 1);
    cr_assert_eq(heap_sites_pair(&sites, profile, 1, 0)->count, BEYOND, "new, too late");
    cr_assert_eq(heap_sites_pair(&sites, profile, 1, 2)->count, 1, "not the last one told");
}

/* --- what is live, and the peak --- */

Test(heap_site, a_peak_is_the_first_highest_and_a_tie_leaves_it)
{
    heap_sites_begin(&sites, FIRST, 100, 10);
    heap_sites_end(&sites, FIRST, 100);
    heap_sites_begin(&sites, SECOND, 60, 20);
    heap_sites_begin(&sites, SECOND, 40, 30);
    cr_assert_eq(sites.peak_bytes, 100);
    cr_assert_eq(sites.peak_blocks, 1);
    cr_assert_eq(sites.peak_at_ns, 10);
    cr_assert_eq(settled(FIRST)->peak_bytes, 100);
    cr_assert_eq(settled(SECOND)->peak_bytes, 0);
    heap_sites_begin(&sites, THIRD, 1, 40);
    cr_assert_eq(sites.peak_at_ns, 40);
    cr_assert_eq(settled(FIRST)->peak_bytes, 0);
    cr_assert_eq(settled(SECOND)->peak_bytes, 100);
    cr_assert_eq(settled(SECOND)->peak_blocks, 2);
    cr_assert_eq(settled(THIRD)->peak_bytes, 1, "the block that made it is part of it");
}

/* A site's share is what it held at the peak, whether it changed since or not, how often, and
 * whether somebody asked meanwhile. */
Test(heap_site, shares_of_the_peak_add_up_to_it_whatever_comes_after)
{
    heap_sites_begin(&sites, FIRST, 100, 10);
    heap_sites_begin(&sites, SECOND, 20, 20);
    heap_sites_begin(&sites, SECOND, 30, 30);
    heap_sites_begin(&sites, THIRD, 0, 40); /* no more bytes: no new peak */
    cr_assert_eq(settled(SECOND)->peak_bytes, 50);
    heap_sites_end(&sites, SECOND, 20);
    heap_sites_end(&sites, SECOND, 30);
    heap_sites_begin(&sites, SECOND, 7, 50);
    reach(SITES + 1);
    heap_sites_begin(&sites, SITES + 1, 40, 60);
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    for (uint32_t site = 0; site <= SITES + 1; site++) {
        bytes += settled(site)->peak_bytes;
        blocks += settled(site)->peak_blocks;
    }
    cr_assert_eq(sites.peak_bytes, 150);
    cr_assert_eq(bytes, sites.peak_bytes);
    cr_assert_eq(blocks, sites.peak_blocks);
    cr_assert_eq(settled(FIRST)->peak_blocks, 1, "it did not change since");
    cr_assert_eq(settled(SECOND)->peak_blocks, 2);
    cr_assert_eq(settled(SITES + 1)->peak_bytes, 0, "it was not there yet");
}

Test(heap_site, its_own_highest_is_apart_from_the_recordings)
{
    heap_sites_begin(&sites, FIRST, 1000, 10);
    heap_sites_begin(&sites, SECOND, 30, 20);
    heap_sites_end(&sites, FIRST, 1000);
    heap_sites_begin(&sites, SECOND, 10, 30);
    heap_sites_end(&sites, SECOND, 30);
    heap_sites_begin(&sites, SECOND, 5, 40);
    heap_sites_begin(&sites, SECOND, 5, 50); /* more blocks than ever, of fewer bytes */
    const struct profile_site *second = settled(SECOND);
    cr_assert_eq(second->max_bytes, 40);
    cr_assert_eq(second->max_blocks, 3);
    cr_assert_eq(second->live_bytes, 20);
    cr_assert_eq(second->peak_bytes, 30);
    cr_assert_eq(settled(FIRST)->max_bytes, 1000);
    cr_assert_eq(settled(FIRST)->live_blocks, 0);
}

Test(heap_site, blocks_of_the_largest_size_add_up)
{
    heap_sites_begin(&sites, FIRST, SESSION_LOW48, 10);
    heap_sites_begin(&sites, SECOND, SESSION_LOW48, 20);
    heap_sites_begin(&sites, SECOND, 0, 30);
    cr_assert_eq(sites.live_bytes, 2 * SESSION_LOW48);
    cr_assert_eq(sites.peak_blocks, 2);
    heap_sites_end(&sites, FIRST, SESSION_LOW48);
    heap_sites_end(&sites, SECOND, SESSION_LOW48);
    cr_assert_eq(sites.live_bytes, 0);
    cr_assert_eq(sites.live_blocks, 1, "one of no bytes lives, too");
    cr_assert_eq(settled(FIRST)->peak_bytes, SESSION_LOW48);
}

Test(heap_site, held_time_is_in_whole_microseconds_to_the_nearest)
{
    static const struct {
        uint64_t ns;
        uint64_t us;
    } cases[] = {{0, 0}, {499, 0}, {500, 1}, {1499, 1}, {1500, 2}, {1000000, 1000}, {999499, 999}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heap_site site = {0};
        heap_site_held(&site, 8, cases[i].ns);
        cr_assert_eq(site.held_byte_us, 8 * cases[i].us, "case %zu", i);
    }
}

Test(heap_site, held_sums_that_do_not_fit_stay_at_the_highest_number)
{
    struct heap_site by_product = {0};
    heap_site_held(&by_product, SESSION_LOW48, UINT64_MAX);
    cr_assert_eq(by_product.held_byte_us, UINT64_MAX);
    struct heap_site by_sum = {.held_byte_us = UINT64_MAX - 8};
    heap_site_held(&by_sum, 8, 1000);
    cr_assert_eq(by_sum.held_byte_us, UINT64_MAX, "this one fits");
    heap_site_held(&by_sum, 1, 1000);
    cr_assert_eq(by_sum.held_byte_us, UINT64_MAX);
    heap_site_held(&by_sum, 0, 1000);
    heap_site_held(&by_sum, 8, 0);
    cr_assert_eq(by_sum.held_byte_us, UINT64_MAX);
}

/* --- settling --- */

Test(heap_site, settling_tells_each_function_at_its_site_and_in_all)
{
    call_once(FIRST, CALL_MALLOC, 20);
    call_once(FIRST, CALL_FREE, 30);
    call_once(SECOND, CALL_FREE, 40);
    call_once(SECOND, CALL_FREE, 40);
    heap_sites_call(&sites, FIRST, CALL_MALLOC)->bytes = 100;
    heap_sites_settle(&sites, &growth, profile);
    cr_assert_eq(profile->site_calls.count, 3);
    cr_assert_eq(profile_site_call(profile, FIRST, CALL_MALLOC)->counts.bytes, 100);
    cr_assert_eq(profile_site_call(profile, FIRST, CALL_FREE)->counts.frees, 1);
    cr_assert_eq(profile_site_call(profile, SECOND, CALL_FREE)->latency.count, 2);
    cr_assert_eq(profile->calls[CALL_FREE].calls, 3);
    cr_assert_eq(profile->calls[CALL_FREE].ns, 30 + 40 + 40);
    cr_assert_eq(profile->calls[CALL_FREE].ns_max, 40);
    cr_assert_eq(profile->calls[CALL_MALLOC].allocs, 1);
    cr_assert_eq(profile->call_latency[CALL_FREE].count, 3);
    cr_assert_eq(hist_quantile(&profile->call_latency[CALL_FREE], 5000), 40);
    cr_assert_eq(profile->call_latency[CALL_CALLOC].count, 0);
}

/* What settling must replace: sites, pairs, calls, latencies, chains. */
static void count_everything(void)
{
    struct heap_site *site = &sites.sites[FIRST];
    struct heap_site_rest *rest = &sites.rests.at[FIRST];
    heap_sites_begin(&sites, FIRST, 100, 10);
    heap_hist_add(&site->size, loglin_code(100), &sites.budget);
    heap_hist_add(&site->life_ns, loglin_code(50), &sites.budget);
    rest->ended_untold = 2;
    rest->ended_bytes = 30;
    rest->ended_blocks = 3;
    rest->ended_in_quarter[1] = 3;
    heap_growth_fold(&(struct heap_chain){.steps = 2, .last_bytes = 9}, &rest->growth);
    (void)heap_growth_step(&growth, 0, FIRST, 10, 20, HEAP_GROWTH_MOVED);
    heap_growth_drop(&growth, heap_growth_step(&growth, 0, FIRST, 10, 20, HEAP_GROWTH_MOVED));
    call_once(FIRST, CALL_MALLOC, 20);
    heap_sites_pair(&sites, profile, FIRST, SECOND)->count = 5;
}

Test(heap_site, settling_replaces_what_was_settled_before)
{
    count_everything();
    for (unsigned round = 0; round < 3; round++) {
        const struct profile_site *first = settled(FIRST);
        cr_assert_eq(first->live_bytes, 130, "what lived when its process ended, too");
        cr_assert_eq(first->live_blocks, 4);
        cr_assert_eq(first->live_in_quarter[1], 3);
        cr_assert_eq(first->freed, 3, "with a lifetime or without");
        cr_assert_eq(first->size.count, 1);
        cr_assert_eq(first->life_ns.count, 1);
        cr_assert_eq(first->growth.chains, 2, "one that ended, and one that stands");
        cr_assert_eq(first->growth.steps, 3);
        cr_assert_eq(first->growth.last_size.count, 2);
        cr_assert_eq(profile->calls[CALL_MALLOC].calls, 1);
        cr_assert_eq(profile->call_latency[CALL_MALLOC].count, 1);
        cr_assert_eq(profile->site_calls.count, 1);
        cr_assert_eq(profile->pairs.count, 1);
        cr_assert_eq(profile_pair(profile, FIRST, SECOND)->count, 5);
    }
    (void)heap_growth_step(&growth, 1, SECOND, 20, 30, HEAP_GROWTH_MOVED);
    cr_assert_eq(settled(FIRST)->growth.chains, 1, "the standing one went to another site");
    cr_assert_eq(settled(FIRST)->growth.last_size.count, 1);
    cr_assert_eq(settled(SECOND)->growth.chains, 1);
    cr_assert_eq(settled(SECOND)->growth.steps, 2);
}

Test(heap_site, settling_ends_nothing)
{
    count_everything();
    heap_sites_settle(&sites, &growth, profile);
    heap_sites_end(&sites, FIRST, 100);
    cr_assert_eq(sites.live_bytes, 0);
    cr_assert_eq(settled(FIRST)->live_bytes, 30);
    cr_assert_eq(settled(FIRST)->peak_bytes, 100);
    call_once(FIRST, CALL_MALLOC, 20);
    cr_assert_eq(settled(FIRST)->growth.chains, 2);
    cr_assert_eq(profile->calls[CALL_MALLOC].calls, 2);
}

Test(heap_site, finished_they_are_none_and_can_be_reached_again)
{
    count_everything();
    call_once(FIRST, CALL_FREE, 30);
    heap_sites_finish(&sites);
    cr_assert_eq(sites.site_count, 0);
    cr_assert_eq(sites.peak_bytes, 0);
    heap_sites_finish(&sites); /* all zero is fine */
    heap_sites_reach(&sites, profile, SECOND);
    cr_assert_eq(sites.sites[FIRST].live_bytes, 0);
    cr_assert_eq(heap_sites_call(&sites, FIRST, CALL_FREE)->latency.code_count, 0);
}
