/* DHAT: totals, frames that are there, and peaks that the viewer can believe. */
#include <criterion/criterion.h>
#include <regex.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

static struct profile *profile;
static json_t *root;
static json_t *points;
static json_t *frames;

static void write_points(struct profile *p)
{
    profile = p;
    root = export_text_json("dhat", profile, NULL);
    points = export_text_array(root, "pps");
    frames = export_text_array(root, "ftbl");
}

static void end(void)
{
    json_decref(root);
    profile_destroy(profile);
}

TestSuite(export_dhat, .fini = end);

static uint64_t sum(const char *key)
{
    uint64_t all = 0;
    for (size_t i = 0; i < json_array_size(points); i++) {
        all += export_text_number(json_array_get(points, i), key);
    }
    return all;
}

/* The frame of a point: 0 is the allocating function's. */
static const char *frame_of(const json_t *point, size_t which)
{
    const json_t *id = json_array_get(export_text_array(point, "fs"), which);
    return json_string_value(json_array_get(frames, (size_t)json_integer_value(id)));
}

Test(export_dhat, points_add_up_to_the_recordings)
{
    write_points(story_profile(STORY_BEFORE));
    const struct profile_totals *wanted = &profile->totals;
    cr_expect_eq(sum("tb"), wanted->bytes);
    cr_expect_eq(sum("tbk"), wanted->allocs);
    cr_expect_eq(sum("gb"), wanted->peak_bytes);
    cr_expect_eq(sum("gbk"), wanted->peak_blocks);
    cr_expect_eq(sum("eb"), wanted->live_bytes);
    cr_expect_eq(sum("ebk"), wanted->live_blocks);
    cr_expect_eq(export_text_number(root, "tg"), wanted->peak_at_ns / 1000, "in microseconds");
}

Test(export_dhat, every_frame_is_in_the_table_and_the_leaf_comes_first)
{
    write_points(story_profile(STORY_BEFORE));
    cr_assert_gt(json_array_size(points), 3);
    cr_expect_str_eq(json_string_value(json_array_get(frames, 0)), "[root]");
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        const json_t *stack = export_text_array(point, "fs");
        for (size_t k = 0; k < json_array_size(stack); k++) {
            json_int_t id = json_integer_value(json_array_get(stack, k));
            cr_expect(id > 0 && id < (json_int_t)json_array_size(frames));
        }
        cr_expect_not_null(strstr(frame_of(point, json_array_size(stack) - 1), "__libc_start"));
    }
}

/* As the Firefox Profiler takes it apart; other texts are names without a place there. */
Test(export_dhat, frames_read_as_address_function_and_place)
{
    regex_t form;
    write_points(story_profile(STORY_BEFORE));
    cr_assert_eq(regcomp(&form, "^0x[0-9a-f]+: .+ \\((in /.+|/.+:[0-9]+)\\)$", REG_EXTENDED), 0);
    cr_assert_gt(json_array_size(frames), 3);
    for (size_t i = 1; i < json_array_size(frames); i++) {
        const char *text = json_string_value(json_array_get(frames, i));
        cr_expect_eq(regexec(&form, text, 0, NULL, 0), 0, "%s", text);
    }
    regfree(&form);
}

Test(export_dhat, a_sites_own_peak_is_never_below_what_it_held)
{
    struct profile *p = story_profile(STORY_BEFORE);
    for (size_t i = 0; i < p->sites.count; i++) {
        p->sites.at[i].max_bytes = 0; /* as in a recording that was recovered */
    }
    write_points(p);
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        uint64_t own_bytes = export_text_number(point, "mb");
        uint64_t own_blocks = export_text_number(point, "mbk");
        cr_expect_geq(own_bytes, export_text_number(point, "gb"));
        cr_expect_geq(own_bytes, export_text_number(point, "eb"));
        cr_expect_geq(own_blocks, export_text_number(point, "gbk"));
        cr_expect_geq(own_blocks, export_text_number(point, "ebk"));
    }
}

Test(export_dhat, blocks_at_a_sites_own_peak_are_its_bytes_by_the_mean_size)
{
    struct profile *p = profile_create();
    uint32_t site = story_stack(p, (const char *const[]){"main", NULL}, 100, 6400);
    p->sites.at[site].max_bytes = 640;
    profile_seal(p);
    write_points(p);
    cr_expect_eq(sum("mb"), 640);
    cr_expect_eq(sum("mbk"), 10);
}

Test(export_dhat, lifetimes_are_added_up_in_microseconds)
{
    struct profile *p = profile_create();
    uint32_t site = story_stack(p, (const char *const[]){"main", NULL}, 3, 30);
    hist_add(&p->sites.at[site].life_ns, loglin_code(1 << 20), 3);
    profile_seal(p);
    write_points(p);
    uint64_t exact_us = 3 * (UINT64_C(1) << 20) / 1000;
    cr_expect_geq(sum("tl"), exact_us);
    cr_expect_leq(sum("tl"), exact_us + exact_us / 50, "histograms are within 1.6 %%");
}

Test(export_dhat, sites_that_only_free_are_no_points)
{
    struct profile *p = profile_create();
    story_stack(p, (const char *const[]){"main", "make", NULL}, 3, 30);
    uint32_t clear = story_stack(p, (const char *const[]){"main", "clear", NULL}, 0, 0);
    story_calls(p, clear, CALL_FREE, 3, 0, 50);
    profile_seal(p);
    write_points(p);
    cr_assert_eq(json_array_size(points), 1);
    cr_expect_not_null(strstr(frame_of(json_array_get(points, 0), 0), "make"));
}
