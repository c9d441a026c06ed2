/* The report as JSON: its numbers are the recording's, of every call site. */
#include <criterion/criterion.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

static struct profile *profile;
static json_t *root;

static void write_report(enum story story, const struct export_job *asked)
{
    profile = story_profile(story);
    root = export_text_json("json", profile, asked);
}

static void end(void)
{
    json_decref(root);
    profile_destroy(profile);
}

TestSuite(export_json, .fini = end);

static uint64_t sum(const char *key)
{
    const json_t *sites = export_text_array(root, "sites");
    uint64_t all = 0;
    for (size_t i = 0; i < json_array_size(sites); i++) {
        all += export_text_number(json_array_get(sites, i), key);
    }
    return all;
}

Test(export_json, totals_are_the_recordings)
{
    write_report(STORY_BEFORE, NULL);
    const json_t *totals = json_object_get(root, "totals");
    const struct profile_totals *wanted = &profile->totals;
    cr_expect_str_eq(export_text_string(root, "format"), "alloctrap-report/1");
    cr_expect_eq(export_text_number(totals, "allocations"), wanted->allocs);
    cr_expect_eq(export_text_number(totals, "allocated_bytes"), wanted->bytes);
    cr_expect_eq(export_text_number(totals, "frees"), wanted->frees);
    cr_expect_eq(export_text_number(totals, "peak_bytes"), wanted->peak_bytes);
    cr_expect_eq(export_text_number(totals, "live_at_end_bytes"), wanted->live_bytes);
}

Test(export_json, every_call_site_is_there_and_they_add_up)
{
    write_report(STORY_BEFORE, NULL);
    const json_t *sites = export_text_array(root, "sites");
    cr_expect_eq(json_array_size(sites), profile->sites.count - 1, "no --top cuts them off");
    cr_expect_eq(sum("allocations"), profile->totals.allocs);
    cr_expect_eq(sum("allocated_bytes"), profile->totals.bytes);
    cr_expect_eq(sum("free_calls"), profile->totals.frees);
    cr_expect_eq(sum("temporary_allocations"), profile->totals.temporaries);
    cr_expect_eq(sum("live_at_end_blocks"), profile->totals.live_blocks);
}

Test(export_json, sites_begin_with_the_one_that_allocates_most)
{
    write_report(STORY_BEFORE, NULL);
    const json_t *sites = export_text_array(root, "sites");
    cr_expect_str_eq(export_text_string(json_array_get(sites, 0), "function"), "concat_append");
    for (size_t i = 1; i < json_array_size(sites); i++) {
        cr_expect_leq(export_text_number(json_array_get(sites, i), "allocations"),
                      export_text_number(json_array_get(sites, i - 1), "allocations"));
    }
}

Test(export_json, a_filter_is_told_with_what_it_left)
{
    const struct export_job asked = {.rule = {.focus = "strdup"}};
    write_report(STORY_BEFORE, &asked);
    const json_t *filter = json_object_get(root, "filter");
    cr_expect_str_eq(export_text_string(filter, "focus"), "strdup");
    cr_expect_eq(export_text_number(filter, "sites_matched"), 1);
    cr_expect_eq(sum("allocations"), 910000);
    cr_expect_eq(export_text_number(json_object_get(root, "totals"), "allocations"), 910000);
}

Test(export_json, findings_are_in_it)
{
    write_report(STORY_BEFORE, NULL);
    const json_t *findings = export_text_array(root, "findings");
    cr_assert_gt(json_array_size(findings), 0);
    cr_expect_str_neq(export_text_string(json_array_get(findings, 0), "kind"), "");
}
