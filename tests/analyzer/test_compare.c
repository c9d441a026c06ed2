#include "insight/compare.h"

#include <criterion/criterion.h>
#include <string.h>

#include "story_profile.h"

/* A profile of one program with one site: names of frames, outermost first. */
static struct profile *one_site(const char *program, const char *const *names, uint32_t line,
                                uint64_t allocs)
{
    struct profile *p = profile_create();
    uint32_t frames[16] = {0};
    for (size_t i = 0; names[i] != NULL; i++) {
        frames[i] = story_frame(p, program, names[i], "/src/x.c", line + (uint32_t)i, NULL);
    }
    story_calls(p, story_site(p, frames), CALL_MALLOC, allocs, 10 * allocs, 50);
    p->run.command = mem_strings_keep(p->strings, program);
    profile_seal(p);
    return p;
}

static struct comparison *compared(const char *const *before, const char *const *after,
                                   struct profile **ret_before, struct profile **ret_after)
{
    *ret_before = one_site("/old/prog", before, 10, 100);
    *ret_after = one_site("/new/prog2", after, 99, 100);
    return compare_profiles(*ret_before, *ret_after, 0, NULL);
}

static void check_change(const char *const *before, const char *const *after,
                         enum compare_change expected, size_t sites)
{
    struct profile *b;
    struct profile *a;
    struct comparison *c = compared(before, after, &b, &a);
    cr_assert_eq(c->sites.count, sites);
    cr_assert_eq(c->sites.at[0].change, expected);
    compare_destroy(c);
    profile_destroy(a);
    profile_destroy(b);
}

#define CHAIN(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

Test(compare, a_rebuild_under_another_name_is_the_same_site)
{
    check_change(CHAIN("main", "parse", "make"), CHAIN("main", "parse", "make"), COMPARE_SAME, 1);
}

Test(compare, another_caller_is_another_site)
{
    check_change(CHAIN("main", "parse", "make"), CHAIN("main", "print", "make"), COMPARE_VANISHED,
                 2);
}

Test(compare, a_function_is_one_whoever_calls_it)
{
    struct profile *before;
    struct profile *after;
    struct comparison *c = compared(CHAIN("main", "parse", "make", "xmalloc"),
                                    CHAIN("main", "print", "make"), &before, &after);
    cr_assert_eq(c->sites.count, 2);
    cr_assert_eq(c->functions.count, 1);
    cr_assert_eq(c->functions.at[0].change, COMPARE_SAME);
    cr_assert_eq(c->functions.at[0].before.allocs, 100);
    cr_assert_eq(c->functions.at[0].after.allocs, 100);
    compare_destroy(c);
    profile_destroy(after);
    profile_destroy(before);
}

Test(compare, recursion_of_any_depth_is_the_same_site)
{
    check_change(CHAIN("main", "walk", "walk", "make"),
                 CHAIN("main", "walk", "walk", "walk", "walk", "make"), COMPARE_SAME, 1);
    check_change(CHAIN("main", "a", "b", "make"), CHAIN("main", "a", "b", "a", "b", "make"),
                 COMPARE_SAME, 1);
}

Test(compare, clones_of_the_compiler_are_the_function)
{
    check_change(CHAIN("main", "make.constprop.0"), CHAIN("main", "make"), COMPARE_SAME, 1);
    check_change(CHAIN("main", "make.part.0.isra.0"), CHAIN("main", "make.cold"), COMPARE_SAME, 1);
}

Test(compare, the_story_has_one_site_of_each_change)
{
    struct profile *before = story_profile(STORY_BEFORE);
    struct profile *after = story_profile(STORY_AFTER);
    struct comparison *c = compare_profiles(before, after, 0, NULL);
    static const uint32_t counts[COMPARE_CHANGES] = {2, 1, 1, 1, 1};
    cr_assert_eq(memcmp(c->counts, counts, sizeof counts), 0);
    cr_assert_eq(c->sites.count, 6);
    cr_assert_eq(c->sites.at[0].change, COMPARE_VANISHED);
    cr_assert_eq(c->sites.at[0].before.allocs, 5100000);
    cr_assert_eq(c->sites.at[1].change, COMPARE_SHRANK);
    cr_assert_eq(c->sites.at[1].after.allocs, 98000);
    cr_assert(c->has_change);
    cr_assert_eq(c->before.units, 100000);
    cr_assert_str_eq(c->before.unit_name, "line");
    compare_destroy(c);
    profile_destroy(after);
    profile_destroy(before);
}

Test(compare, sites_of_one_key_add_up)
{
    struct profile *p = one_site("/x/prog", CHAIN("main", "make"), 10, 100);
    uint32_t frames[] = {story_frame(p, "/x/prog", "main", "/src/x.c", 77, NULL),
                         story_frame(p, "/x/prog", "make", "/src/x.c", 78, NULL), 0};
    story_calls(p, story_site(p, frames), CALL_CALLOC, 11, 22, 50);
    profile_seal(p);
    struct comparison *c = compare_profiles(p, p, 7, "thing");
    cr_assert_eq(c->sites.count, 1);
    cr_assert_eq(c->sites.at[0].before.sites, 2);
    cr_assert_eq(c->sites.at[0].before.allocs, 111);
    cr_assert_eq(c->sites.at[0].before.bytes, 1022);
    cr_assert_not(c->has_change);
    cr_assert_eq(c->after.units, 7);
    cr_assert_str_eq(c->after.unit_name, "thing");
    compare_destroy(c);
    profile_destroy(p);
}

Test(compare, an_incomplete_recording_is_not_certain)
{
    struct profile *before = story_profile(STORY_BEFORE);
    struct profile *after = story_profile(STORY_AFTER);
    struct comparison *c = compare_profiles(before, after, 0, NULL);
    cr_assert(c->is_certain); /* events lost for a full ring leave the totals exact */
    compare_destroy(c);
    after->lost[LOSS_NO_SESSION] = 1;
    c = compare_profiles(before, after, 0, NULL);
    cr_assert_not(c->is_certain);
    compare_destroy(c);
    profile_destroy(after);
    profile_destroy(before);
}
