#include "insight/outline.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "sample_profile.h"
#include "story_profile.h"

static struct profile *profile;
static struct selection selection;

static void set_up(uint32_t sites)
{
    struct select_rule rule = {0};
    profile = sites == 0 ? story_profile(STORY_BEFORE) : sample_profile(sites);
    cr_assert_eq(select_sites(profile, &rule, &selection, NULL), ERR_NONE);
}

static void tear_down(void)
{
    select_finish(&selection);
    profile_destroy(profile);
}

Test(outline, carries_everything_without_a_limit)
{
    set_up(500);
    struct outline o = outline_make(profile, &selection, 0);
    cr_assert_eq(o.site_count, selection.all);
    cr_assert_eq(o.rest.sites, 0);
    cr_assert_leq(o.pairs.count + o.rest.pairs, profile->pairs.count);
    uint64_t sizes = 0;
    for (size_t i = 0; i < profile->sites.count; i++) {
        sizes += profile->sites.at[i].size.count;
    }
    cr_assert_eq(o.size.count, sizes);
    outline_finish(&o);
    tear_down();
}

Test(outline, parents_come_first_and_lead_to_the_root)
{
    set_up(500);
    struct outline o = outline_make(profile, &selection, 0);
    cr_assert_eq(o.paths.at[0], 0);
    cr_assert_gt(o.paths.count, 1);
    for (size_t i = 1; i < o.paths.count; i++) {
        const struct profile_path *path = &profile->paths.at[o.paths.at[i]];
        cr_assert_lt(o.place_of_path[path->parent], i);
        uint32_t frame = o.place_of_frame[path->frame];
        cr_assert_neq(frame, 0);
        cr_assert_eq(o.frames.at[frame - 1], path->frame);
    }
    for (size_t i = 0; i < o.site_count; i++) {
        uint32_t path = profile->sites.at[o.sites[i]].path;
        cr_assert(path == 0 || o.place_of_path[path] != 0);
        cr_assert_eq(o.place_of_site[o.sites[i]], i + 1);
    }
    outline_finish(&o);
    tear_down();
}

Test(outline, small_sites_are_left_out_beyond_the_limit_and_added_up)
{
    set_up(0);
    struct outline all = outline_make(profile, &selection, 0);
    struct outline some = outline_make(profile, &selection, 1);
    /* The site of getline: 6 of 6 million allocations, 4 KiB of the peak's 2 MiB is worth a row. */
    cr_assert_eq(all.site_count, 5);
    cr_assert_eq(some.site_count + some.rest.sites, all.site_count);
    uint64_t allocs = some.rest.counts.allocs;
    uint64_t bytes = some.rest.counts.bytes;
    for (size_t i = 0; i < some.site_count; i++) {
        allocs += selection.site_totals[some.sites[i]].allocs;
        bytes += selection.site_totals[some.sites[i]].bytes;
    }
    cr_assert_eq(allocs, profile->totals.allocs);
    cr_assert_eq(bytes, profile->totals.bytes);
    outline_finish(&all);
    outline_finish(&some);
    tear_down();
}

/* Adds a site that has one small block, below every ten-thousandth. */
static uint32_t add_small_site(struct profile *p, const char *function)
{
    uint32_t frames[] = {story_frame(p, "/bin/x", function, "x.c", 1, NULL), 0};
    uint32_t site = story_site(p, frames);
    story_calls(p, site, CALL_MALLOC, 1, 1, 1);
    return site;
}

Test(outline, what_is_below_a_ten_thousandth_of_everything_has_no_row)
{
    struct select_rule rule = {0};
    profile = story_profile(STORY_BEFORE);
    uint32_t small = add_small_site(profile, "small");
    uint32_t slow = add_small_site(profile, "slow");
    *MEM_PUSH(&profile->slow_calls) = (struct profile_slow_call){.ns = 9, .site = slow};
    profile_pair(profile, small, slow)->count = 7;
    profile_seal(profile);
    cr_assert_eq(select_sites(profile, &rule, &selection, NULL), ERR_NONE);
    struct outline o = outline_make(profile, &selection, 3);
    cr_assert_eq(o.place_of_site[small], 0);
    cr_assert_neq(o.place_of_site[slow], 0, "a slow call keeps its site");
    cr_assert_eq(o.rest.sites, 1);
    cr_assert_eq(o.rest.counts.allocs, 1);
    cr_assert_eq(o.rest.pairs, 1);
    cr_assert_eq(o.rest.pair_blocks, 7);
    outline_finish(&o);
    struct outline whole = outline_make(profile, &selection, 7);
    cr_assert_eq(whole.rest.sites, 0, "up to the limit all have a row");
    outline_finish(&whole);
    tear_down();
}

Test(outline, pairs_come_by_blocks)
{
    set_up(300);
    struct outline o = outline_make(profile, &selection, 0);
    cr_assert_gt(o.pairs.count, 1);
    for (size_t i = 1; i < o.pairs.count; i++) {
        cr_assert_geq(profile->pairs.at[o.pairs.at[i - 1]].count,
                      profile->pairs.at[o.pairs.at[i]].count);
    }
    outline_finish(&o);
    tear_down();
}
