/* speedscope: weights add up, frames are there, and what was asked for is what opens. */
#include <criterion/criterion.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

static struct profile *profile;
static json_t *root;
static json_t *profiles;

static void write_profiles(struct profile *p, const struct export_job *asked)
{
    profile = p;
    root = export_text_json("speedscope", profile, asked);
    profiles = export_text_array(root, "profiles");
}

static void end(void)
{
    json_decref(root);
    profile_destroy(profile);
}

TestSuite(export_speedscope, .fini = end);

static const json_t *named(const char *title)
{
    for (size_t i = 0; i < json_array_size(profiles); i++) {
        const json_t *one = json_array_get(profiles, i);
        if (strcmp(export_text_string(one, "name"), title) == 0) {
            return one;
        }
    }
    return NULL;
}

static json_t *frames_of_all(void)
{
    return export_text_array(json_object_get(root, "shared"), "frames");
}

Test(export_speedscope, every_sample_has_a_weight_and_they_add_up)
{
    write_profiles(story_profile(STORY_BEFORE), NULL);
    cr_assert_eq(json_array_size(profiles), 7);
    for (size_t i = 0; i < json_array_size(profiles); i++) {
        const json_t *one = json_array_get(profiles, i);
        const json_t *weights = export_text_array(one, "weights");
        cr_expect_eq(json_array_size(weights), json_array_size(export_text_array(one, "samples")));
        cr_expect_eq(export_text_sum(weights), export_text_number(one, "endValue"));
    }
    cr_expect_eq(export_text_number(named("bytes allocated"), "endValue"), profile->totals.bytes);
    cr_expect_eq(export_text_number(named("allocations"), "endValue"), profile->totals.allocs);
    cr_expect_eq(export_text_number(named("bytes live at the peak"), "endValue"),
                 profile->totals.peak_bytes);
}

Test(export_speedscope, samples_are_frames_of_the_table_root_first)
{
    write_profiles(story_profile(STORY_BEFORE), NULL);
    const json_t *samples = export_text_array(named("allocations"), "samples");
    const json_t *frames = frames_of_all();
    cr_assert_gt(json_array_size(samples), 3);
    for (size_t i = 0; i < json_array_size(samples); i++) {
        const json_t *stack = json_array_get(samples, i);
        for (size_t k = 0; k < json_array_size(stack); k++) {
            json_int_t id = json_integer_value(json_array_get(stack, k));
            cr_assert(id >= 0 && id < (json_int_t)json_array_size(frames));
        }
        const json_t *first =
            json_array_get(frames, (size_t)json_integer_value(json_array_get(stack, 0)));
        cr_expect_str_eq(export_text_string(first, "name"), "__libc_start_call_main");
    }
}

Test(export_speedscope, it_opens_with_the_metric_that_was_asked_for)
{
    struct profile *p = profile_create();
    const struct export_job asked = {.metric = EXPORT_TIME};
    story_stack(p, (const char *const[]){"main", NULL}, 3, 30);
    profile_seal(p);
    write_profiles(p, &asked);
    size_t active = (size_t)export_text_number(root, "activeProfileIndex");
    cr_expect_eq(active, 2, "behind bytes and allocations: nothing else has a value");
    cr_expect_str_eq(export_text_string(json_array_get(profiles, active), "name"),
                     "time in the allocator");
}

Test(export_speedscope, metrics_without_a_value_are_left_out)
{
    struct profile *p = profile_create();
    const struct export_job asked = {.metric = EXPORT_TEMPORARIES};
    story_stack(p, (const char *const[]){"main", NULL}, 3, 30);
    profile_seal(p);
    write_profiles(p, &asked);
    cr_expect_null(named("temporary allocations"), "speedscope refuses a profile of nothing");
    cr_expect_eq(json_array_size(profiles), 3, "bytes, allocations, time");
    cr_expect_eq(export_text_number(root, "activeProfileIndex"), 0);
}

Test(export_speedscope, nothing_at_all_is_one_empty_profile)
{
    struct profile *p = profile_create();
    profile_seal(p);
    write_profiles(p, NULL);
    cr_assert_eq(json_array_size(profiles), 1);
    cr_expect_eq(export_text_number(json_array_get(profiles, 0), "endValue"), 0);
}

Test(export_speedscope, units_are_those_of_the_metric)
{
    write_profiles(story_profile(STORY_BEFORE), NULL);
    cr_expect_str_eq(export_text_string(named("bytes allocated"), "unit"), "bytes");
    cr_expect_str_eq(export_text_string(named("allocations"), "unit"), "none");
    cr_expect_str_eq(export_text_string(named("time in the allocator"), "unit"), "nanoseconds");
}
