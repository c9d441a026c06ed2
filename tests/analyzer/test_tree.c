#include "insight/tree.h"

#include <criterion/criterion.h>
#include <string.h>

#include "story_profile.h"

static struct profile *profile;
static struct selection selection;

static void set_up(void)
{
    struct select_rule rule = {0};
    profile = story_profile(STORY_BEFORE);
    cr_assert_eq(select_sites(profile, &rule, &selection, NULL), ERR_NONE);
}

static void tear_down(void)
{
    select_finish(&selection);
    profile_destroy(profile);
}

TestSuite(tree, .init = set_up, .fini = tear_down);

/* The first node of a function. */
static const struct tree_node *node_of(const struct tree *tree, const char *function)
{
    size_t i = 1;
    while (i < tree->nodes.count && strcmp(tree->nodes.at[i].frame.function, function) != 0) {
        i++;
    }
    cr_assert_lt(i, tree->nodes.count, "no node of %s", function);
    return &tree->nodes.at[i];
}

Test(tree, numbers_are_inclusive_from_main_inwards)
{
    struct tree *tree = tree_build(profile, &selection, NULL, TREE_FROM_MAIN);
    cr_assert_eq(tree->nodes.at[0].values[RANK_ALLOCATIONS], 6011506);
    cr_assert_eq(node_of(tree, "main")->values[RANK_ALLOCATIONS], 6011506);
    cr_assert_eq(node_of(tree, "parse_line")->values[RANK_ALLOCATIONS], 6011500);
    cr_assert_eq(node_of(tree, "strdup")->values[RANK_BYTES], 36400000);
    cr_assert(node_of(tree, "concat_append")->frame.is_inlined);
    cr_assert_str_eq(tree->nodes.at[node_of(tree, "concat_append")->parent].frame.function,
                     "json_field");
    tree_destroy(tree);
}

Test(tree, callers_begin_outside_the_wrappers)
{
    struct tree *tree = tree_build(profile, &selection, NULL, TREE_FROM_SITE);
    const struct tree_node *copy = node_of(tree, "concat_copy");
    cr_assert_eq(copy->parent, 0);
    cr_assert_eq(copy->values[RANK_ALLOCATIONS], 910000);
    for (size_t i = 1; i < tree->nodes.count; i++) {
        cr_assert_str_neq(tree->nodes.at[i].frame.function, "strdup");
    }
    tree_destroy(tree);
}

Test(tree, functions_alone_are_the_first_level_of_callers)
{
    struct tree *callers = tree_build(profile, &selection, NULL, TREE_FROM_SITE);
    struct tree *alone = tree_build(profile, &selection, NULL, TREE_SITE_ALONE);
    cr_assert_gt(alone->nodes.count, 4);
    for (size_t i = 1; i < alone->nodes.count; i++) {
        const struct tree_node *node = &alone->nodes.at[i];
        const struct tree_node *same = node_of(callers, node->frame.function);
        cr_assert_eq(node->parent, 0);
        if (same->parent == 0) {
            cr_assert_eq(memcmp(node->values, same->values, sizeof node->values), 0);
        }
    }
    cr_assert_eq(memcmp(alone->nodes.at[0].values, callers->nodes.at[0].values,
                        sizeof alone->nodes.at[0].values),
                 0);
    tree_destroy(alone);
    tree_destroy(callers);
}

Test(tree, children_are_sorted_and_every_node_is_somebodys_child_once)
{
    struct tree *tree = tree_build(profile, &selection, NULL, TREE_FROM_MAIN);
    struct tree_order order = tree_sort(tree, RANK_BYTES);
    size_t count = tree->nodes.count;
    cr_assert_eq(order.first[count], count - 1);
    for (size_t n = 0; n < count; n++) {
        for (uint32_t i = order.first[n]; i < order.first[n + 1]; i++) {
            const struct tree_node *child = &tree->nodes.at[order.ids[i]];
            cr_assert_eq(child->parent, n);
            if (i > order.first[n]) {
                cr_assert_leq(child->values[RANK_BYTES],
                              tree->nodes.at[order.ids[i - 1]].values[RANK_BYTES]);
            }
        }
    }
    tree_order_finish(&order);
    tree_destroy(tree);
}
