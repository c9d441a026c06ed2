#include "insight/select.h"

#include <criterion/criterion.h>
#include <string.h>

#include "story_profile.h"

static struct selection selected(const struct profile *p, const char *focus, const char *ignore)
{
    struct select_rule rule = {focus, ignore};
    struct selection s;
    struct err err;
    cr_assert_eq(select_sites(p, &rule, &s, &err), ERR_NONE);
    return s;
}

static uint64_t allocs_of(const char *focus, const char *ignore)
{
    struct profile *p = story_profile(STORY_BEFORE);
    struct selection s = selected(p, focus, ignore);
    uint64_t allocs = s.totals.allocs;
    select_finish(&s);
    profile_destroy(p);
    return allocs;
}

Test(select, without_a_rule_everything_is_the_recordings_own)
{
    struct profile *p = story_profile(STORY_BEFORE);
    struct selection s = selected(p, NULL, NULL);
    cr_assert_not(s.is_filtered);
    cr_assert_eq(memcmp(&s.totals, &p->totals, sizeof s.totals), 0);
    cr_assert_eq(s.kept, s.all);
    cr_assert_eq(s.call_latency[CALL_MALLOC].count, p->call_latency[CALL_MALLOC].count);
    select_finish(&s);
    profile_destroy(p);
}

Test(select, focus_looks_at_functions_files_and_libraries_of_the_whole_stack)
{
    cr_assert_eq(allocs_of("^concat_append$", NULL), 5100000); /* inlined */
    cr_assert_eq(allocs_of("concat\\.c", NULL), 6010000);
    cr_assert_eq(allocs_of("libgeo", NULL), 300);
    cr_assert_eq(allocs_of("^main$", NULL), 6011506);
    cr_assert_eq(allocs_of("libgeo|strdup", NULL), 910300);
    cr_assert_eq(allocs_of("no_such_function", NULL), 0);
}

Test(select, ignore_drops_what_focus_kept)
{
    cr_assert_eq(allocs_of(NULL, "strdup"), 6011506 - 910000);
    cr_assert_eq(allocs_of("concat\\.c", "strdup"), 5100000);
    cr_assert_eq(allocs_of(NULL, "main"), 0);
}

Test(select, sums_are_of_what_is_kept)
{
    struct profile *p = story_profile(STORY_BEFORE);
    struct selection s = selected(p, "strdup", NULL);
    cr_assert(s.is_filtered);
    cr_assert_eq(s.kept, 1);
    cr_assert_eq(s.totals.frees, 909000);
    cr_assert_eq(s.totals.bytes, 36400000);
    cr_assert_eq(s.totals.temporaries, 300000);
    cr_assert_eq(s.totals.peak_bytes, 640000);
    cr_assert_eq(s.totals.live_bytes, 64000);
    cr_assert_eq(s.calls[CALL_MALLOC].calls, 910000);
    cr_assert_eq(s.call_latency[CALL_MALLOC].count, 910000);
    cr_assert_eq(s.calls[CALL_CALLOC].calls, 0);
    select_finish(&s);
    profile_destroy(p);
}

Test(select, frees_of_nothing_are_told_from_frees)
{
    struct profile *p = story_profile(STORY_BEFORE);
    struct profile_calls null_frees = {.calls = 7, .ns = 70};
    profile_calls_add(&p->calls[CALL_FREE], &null_frees);
    struct selection s = selected(p, NULL, NULL);
    cr_assert_eq(select_null_frees(&s), 7);
    select_finish(&s);
    profile_destroy(p);
}

Test(select, without_a_call_nothing_lacks_its_time)
{
    struct profile *p = story_profile(STORY_BEFORE);
    cr_assert(select_is_timed(p));
    p->totals.ns = 0; /* as with --latency=off */
    cr_assert_not(select_is_timed(p));
    memset(p->calls, 0, sizeof p->calls);
    cr_assert(select_is_timed(p));
    profile_destroy(p);
}

Test(select, a_bad_expression_says_why)
{
    struct profile *p = story_profile(STORY_AFTER);
    struct select_rule rule = {NULL, "(\x1b"};
    struct selection s;
    struct err err;
    cr_assert_eq(select_sites(p, &rule, &s, &err), ERR_USAGE);
    cr_assert_not_null(strstr(err.message, "--ignore='(\\x1b' is no extended regular expression: "
                                           "Unmatched ("));
    profile_destroy(p);
}
