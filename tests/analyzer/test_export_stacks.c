/* Stacks for exports: root first, sums exact, the order of their text. */
#include <criterion/criterion.h>
#include <string.h>

#include "export/export_stacks.h"
#include "story_profile.h"

static struct profile *profile;
static struct selection selection;
static struct export_stacks *stacks;

static void begin(void)
{
    const struct select_rule all = {0};
    profile = story_profile(STORY_BEFORE);
    cr_assert_eq(select_sites(profile, &all, &selection, NULL), ERR_NONE);
    stacks = export_stacks_create(profile, &selection);
}

static void end(void)
{
    export_stacks_destroy(stacks);
    select_finish(&selection);
    profile_destroy(profile);
}

TestSuite(export_stacks, .init = begin, .fini = end);

static const char *name(const struct export_stack *stack, uint32_t at)
{
    return stacks->frames.at[stack->frames[at]].at.function;
}

Test(export_stacks, totals_are_the_recordings)
{
    cr_expect_eq(stacks->totals[EXPORT_ALLOCATIONS], profile->totals.allocs);
    cr_expect_eq(stacks->totals[EXPORT_BYTES], profile->totals.bytes);
    cr_expect_eq(stacks->totals[EXPORT_PEAK], profile->totals.peak_bytes);
    cr_expect_eq(stacks->totals[EXPORT_LIVE], profile->totals.live_bytes);
    cr_expect_eq(stacks->totals[EXPORT_TEMPORARIES], profile->totals.temporaries);
    cr_expect_eq(stacks->totals[EXPORT_FREES], profile->totals.frees);
    cr_expect_gt(stacks->totals[EXPORT_FREE_TIME], 0);
    cr_expect_lt(stacks->totals[EXPORT_FREE_TIME], stacks->totals[EXPORT_TIME]);
}

Test(export_stacks, frames_go_from_the_root_to_the_leaf_with_inlined_ones_last)
{
    bool is_found = false;
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        const struct export_stack *s = &stacks->stacks.at[i];
        cr_expect_str_eq(name(s, 0), "__libc_start_call_main");
        if (strcmp(name(s, s->count - 1), "concat_append") == 0) {
            is_found = true;
            cr_expect_str_eq(name(s, s->count - 2), "json_field");
            cr_expect(stacks->frames.at[s->frames[s->count - 1]].at.is_inlined);
        }
    }
    cr_expect(is_found);
}

Test(export_stacks, are_in_the_order_of_their_text)
{
    cr_expect_gt(stacks->stacks.count, 3);
    for (size_t i = 1; i < stacks->frames.count; i++) {
        cr_expect_leq(
            strcmp(stacks->frames.at[i - 1].at.function, stacks->frames.at[i].at.function), 0);
    }
    for (size_t i = 1; i < stacks->stacks.count; i++) {
        const struct export_stack *a = &stacks->stacks.at[i - 1];
        const struct export_stack *b = &stacks->stacks.at[i];
        uint32_t at = 0;
        while (at < a->count && at < b->count && a->frames[at] == b->frames[at]) {
            at++;
        }
        cr_expect(at == a->count || (at < b->count && a->frames[at] < b->frames[at]));
    }
}

Test(export_stacks, calls_without_a_path_are_the_remainder)
{
    struct profile *p = profile_create();
    const struct select_rule all = {0};
    struct selection chosen;
    story_calls(p, 0, CALL_MALLOC, 3, 30, 10);
    profile_seal(p);
    cr_assert_eq(select_sites(p, &all, &chosen, NULL), ERR_NONE);
    struct export_stacks *s = export_stacks_create(p, &chosen);
    cr_assert_eq(s->stacks.count, 1);
    cr_expect_str_eq(s->frames.at[s->stacks.at[0].frames[0]].at.function, "(remainder)");
    cr_expect_eq(s->frames.at[0].code, EXPORT_NO_CODE);
    export_stacks_destroy(s);
    select_finish(&chosen);
    profile_destroy(p);
}
