#include "heap/profile.h"

#include <criterion/criterion.h>

static const uint8_t build_a[4] = {1, 2, 3, 4};
static const uint8_t build_b[4] = {1, 2, 3, 5};

Test(profile, starts_with_the_none_items)
{
    struct profile *p = profile_create();
    cr_assert_eq(p->modules.count, 1);
    cr_assert_eq(p->frames.count, 1);
    cr_assert_eq(p->paths.count, 1);
    cr_assert_eq(p->sites.count, 1);
    cr_assert_str_eq(p->run.command, "");
    profile_destroy(p);
    profile_destroy(NULL);
}

Test(profile, modules_are_told_apart_by_path_and_build)
{
    struct profile *p = profile_create();
    uint32_t a = profile_module(p, "/lib/a.so", build_a, 4);
    cr_assert_neq(profile_module(p, "/lib/a.so", build_b, 4), a);
    cr_assert_neq(profile_module(p, "/lib/a.so", NULL, 0), a);
    cr_assert_neq(profile_module(p, "/lib/b.so", build_a, 4), a);
    cr_assert_eq(profile_module(p, "/lib/a.so", build_a, 4), a);
    cr_assert_eq(profile_module(p, "", NULL, 0), 0, "unknown code is item 0");
    profile_destroy(p);
}

Test(profile, a_path_knows_its_depth_and_its_site)
{
    struct profile *p = profile_create();
    uint32_t main_path = profile_path(p, 0, profile_frame(p, 0, 100, 0), false);
    uint32_t leaf = profile_path(p, main_path, profile_frame(p, 0, 200, 0), false);
    cr_assert_eq(p->paths.at[leaf].depth, 2);
    cr_assert_eq(profile_path(p, main_path, profile_frame(p, 0, 200, 0), false), leaf);
    cr_assert_neq(profile_path(p, main_path, profile_frame(p, 0, 200, 0), true), leaf);
    uint32_t site = profile_site(p, leaf);
    cr_assert_eq(profile_site(p, leaf), site);
    cr_assert_eq(p->sites.at[site].path, leaf);
    cr_assert_eq(profile_site(p, 0), 0);
    profile_destroy(p);
}

Test(profile, a_path_of_the_unknown_frame_is_not_the_root)
{
    struct profile *p = profile_create();
    uint32_t path = profile_path(p, 0, 0, false);
    cr_assert_neq(path, 0);
    cr_assert_eq(profile_path(p, 0, 0, false), path);
    profile_destroy(p);
}

Test(profile, finds_items_that_were_pushed_without_a_look_up)
{
    struct profile *p = profile_create();
    struct profile_frame *frame = MEM_PUSH(&p->frames);
    frame->module = 0;
    frame->offset = 77;
    cr_assert_eq(profile_frame(p, 0, 77, 0), 1);
    profile_destroy(p);
}

Test(profile, sealing_sorts_sums_and_keeps_look_ups_right)
{
    struct profile *p = profile_create();
    uint32_t path = profile_path(p, 0, profile_frame(p, 0, 9, 0), false);
    uint32_t site = profile_site(p, path);
    profile_site_call(p, site, CALL_FREE)->counts = (struct profile_calls){.calls = 5, .frees = 4};
    struct profile_site_call *c = profile_site_call(p, site, CALL_MALLOC);
    c->counts = (struct profile_calls){.calls = 8, .allocs = 7, .failed = 1, .bytes = 70, .ns = 9};
    hist_add(&c->latency, 3, 8);
    profile_pair(p, site, site)->count = 1;
    profile_pair(p, 0, site)->count = 9;
    for (int i = 0; i < 2; i++) {
        profile_seal(p);
        cr_assert_eq(p->site_calls.at[0].call, CALL_MALLOC);
        cr_assert_eq(p->pairs.at[0].count, 9);
        cr_assert_eq(p->sites.at[site].allocs, 7);
        cr_assert_eq(p->sites.at[site].bytes, 70);
        cr_assert_eq(p->sites.at[site].failed, 1);
        cr_assert_eq(p->sites.at[site].free_calls, 4);
        cr_assert_eq(p->sites.at[site].latency.count, 8);
    }
    cr_assert_eq(profile_site_call(p, site, CALL_FREE)->counts.frees, 4);
    cr_assert_eq(profile_pair(p, site, site)->count, 1);
    profile_destroy(p);
}

Test(profile, pairs_beyond_the_limit_go_to_the_remainder)
{
    struct profile *p = profile_create();
    for (uint32_t i = 0; i < PROFILE_PAIRS_MAX + 100; i++) {
        profile_pair(p, i + 1, 1)->count += 1;
    }
    cr_assert_eq(p->pairs.count, PROFILE_PAIRS_MAX + 1);
    cr_assert_eq(profile_pair(p, 0, 0)->count, 100);
    profile_pair(p, 5, 1)->count += 1;
    cr_assert_eq(profile_pair(p, 5, 1)->count, 2);
    cr_assert_eq(profile_pair_any(p, 1, 7)->count, 0, "merging and loading are not bounded");
    profile_destroy(p);
}

Test(profile, all_losses_add_up)
{
    struct profile *p = profile_create();
    p->lost[LOSS_RING_FULL] = 3;
    p->lost[LOSS_NESTED] = 4;
    cr_assert_eq(profile_lost(p), 7);
    profile_destroy(p);
}
