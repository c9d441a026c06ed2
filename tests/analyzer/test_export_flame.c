/* Flame graphs' trees: sums, both directions, both sides, and small ones joined. */
#include <criterion/criterion.h>
#include <string.h>

#include "export/export_flame.h"
#include "story_profile.h"

struct side {
    struct profile *profile;
    struct selection selection;
    struct export_stacks *stacks;
};

static struct side before;
static struct side after;

static void open_side(struct side *side, enum story story)
{
    const struct select_rule all = {0};
    side->profile = story_profile(story);
    cr_assert_eq(select_sites(side->profile, &all, &side->selection, NULL), ERR_NONE);
    side->stacks = export_stacks_create(side->profile, &side->selection);
}

static void close_side(struct side *side)
{
    export_stacks_destroy(side->stacks);
    select_finish(&side->selection);
    profile_destroy(side->profile);
}

static void begin(void)
{
    open_side(&before, STORY_BEFORE);
    open_side(&after, STORY_AFTER);
}

static void end(void)
{
    close_side(&before);
    close_side(&after);
}

TestSuite(export_flame, .init = begin, .fini = end);

/* Every node is its own and its children's; parents come first; depth is one more. */
static void check_sums(const struct export_flame *flame)
{
    for (size_t i = 0; i < flame->nodes.count; i++) {
        const struct export_flame_node *node = &flame->nodes.at[i];
        uint64_t value = node->self;
        uint64_t base = node->base_self;
        for (size_t k = i + 1; k < flame->nodes.count; k++) {
            const struct export_flame_node *child = &flame->nodes.at[k];
            if (child->parent == i) {
                value += child->value;
                base += child->base_value;
                cr_expect_eq(child->depth, node->depth + 1);
            }
        }
        cr_expect_eq(value, node->value);
        cr_expect_eq(base, node->base_value);
        cr_expect(i == 0 || node->parent < i);
    }
}

Test(export_flame, adds_up_in_both_directions)
{
    for (int inverted = 0; inverted < 2; inverted++) {
        struct export_flame_plan plan = {
            .stacks = before.stacks, .metric = EXPORT_BYTES, .is_inverted = inverted != 0};
        struct export_flame *flame = export_flame_create(&plan);
        check_sums(flame);
        cr_expect_eq(flame->nodes.at[0].value, before.profile->totals.bytes);
        cr_expect_str_eq(flame->nodes.at[1].frame.function,
                         inverted ? "concat_append" : "__libc_start_call_main");
        export_flame_destroy(flame);
    }
}

Test(export_flame, lays_two_recordings_over_each_other)
{
    struct export_flame_plan plan = {
        .stacks = after.stacks, .base = before.stacks, .metric = EXPORT_ALLOCATIONS};
    struct export_flame *flame = export_flame_create(&plan);
    bool has_new = false;
    check_sums(flame);
    cr_expect_eq(flame->nodes.at[0].value, after.profile->totals.allocs);
    cr_expect_eq(flame->nodes.at[0].base_value, before.profile->totals.allocs);
    for (size_t i = 1; i < flame->nodes.count; i++) {
        const struct export_flame_node *node = &flame->nodes.at[i];
        cr_expect_geq(node->width, node->value > node->base_value ? node->value : node->base_value);
        has_new = has_new || (node->base_value == 0 && node->value == 420);
    }
    cr_expect(has_new, "pool_grow is new");
    export_flame_destroy(flame);
}

Test(export_flame, scales_the_base_to_as_much_work)
{
    after.profile->run.units = 3 * before.profile->run.units;
    struct export_flame_plan plan = {.stacks = after.stacks,
                                     .base = before.stacks,
                                     .metric = EXPORT_ALLOCATIONS,
                                     .is_per_unit = true};
    struct export_flame *flame = export_flame_create(&plan);
    cr_expect_eq(flame->nodes.at[0].base_value, 3 * before.profile->totals.allocs);
    export_flame_destroy(flame);
}

Test(export_flame, joins_the_smallest_and_loses_nothing)
{
    struct export_flame_plan plan = {.stacks = before.stacks, .metric = EXPORT_BYTES};
    struct export_flame *all = export_flame_create(&plan);
    plan.frames_max = 8;
    struct export_flame *few = export_flame_create(&plan);
    uint32_t joined = 0;
    for (size_t i = 1; i < few->nodes.count; i++) {
        joined += few->nodes.at[i].joined;
    }
    check_sums(few);
    cr_expect_leq(few->nodes.count - 1, plan.frames_max);
    cr_expect_gt(joined, 0);
    cr_expect_eq(few->frames_all, all->nodes.count - 1);
    cr_expect_eq(few->nodes.at[0].value, all->nodes.at[0].value);
    export_flame_destroy(all);
    export_flame_destroy(few);
}
