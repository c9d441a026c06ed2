#include "insight/tree.h"

#include <stdlib.h>

#include "heap/id_map.h"
#include "insight/latency.h"

/* What a tree is built with: functions by (name, module), nodes by (parent, function). */
struct builder {
    struct tree *tree;
    struct id_map functions;
    uint32_t function_count;
    struct id_map nodes;
};

static uint32_t function_id(struct builder *b, const struct site_frame *frame)
{
    /* Names are kept strings: one pointer for one text. An unnamed frame is its offset. */
    uint64_t name = frame->function[0] != '\0' ? (uintptr_t)frame->function : ~frame->offset;
    uint64_t module = (uintptr_t)frame->module;
    uint32_t id = id_map_find(&b->functions, name, module);
    if (id == ID_MAP_NONE) {
        id = b->function_count++;
        id_map_put(&b->functions, name, module, id);
    }
    return id;
}

static uint32_t child(struct builder *b, uint32_t parent, const struct site_frame *frame)
{
    uint64_t function = (uint64_t)function_id(b, frame) << 1 | frame->is_inlined;
    uint32_t id = id_map_find(&b->nodes, parent, function);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)b->tree->nodes.count;
        struct tree_node *node = MEM_PUSH(&b->tree->nodes);
        node->parent = parent;
        node->frame = *frame;
        id_map_put(&b->nodes, parent, function, id);
    }
    return id;
}

static void add_values(struct tree_node *node, const uint64_t *values)
{
    for (size_t i = 0; i < TREE_VALUES; i++) {
        node->values[i] += values[i];
    }
}

static void add_site(struct builder *b, const struct site_stack *stack, size_t shown,
                     enum tree_direction direction, const uint64_t *values)
{
    uint32_t at = 0;
    add_values(&b->tree->nodes.at[0], values);
    size_t end = direction == TREE_SITE_ALONE && shown < stack->count ? shown + 1 : stack->count;
    for (size_t i = shown; i < end; i++) {
        size_t frame = direction == TREE_FROM_MAIN ? stack->count - 1 - (i - shown) : i;
        at = child(b, at, &stack->at[frame]);
        add_values(&b->tree->nodes.at[at], values);
    }
}

struct tree *tree_build(const struct profile *profile, const struct selection *selection,
                        const struct site_wrappers *wrappers, enum tree_direction direction)
{
    struct builder b = {.tree = mem_zero(1, sizeof *b.tree)};
    struct site_stack stack = {0};
    (void)MEM_PUSH(&b.tree->nodes);
    b.tree->nodes.at[0].frame = (struct site_frame){.function = "", .file = "", .module = ""};
    for (uint32_t i = 0; i < profile->sites.count; i++) {
        if (!selection->is_kept[i] || selection->site_totals[i].calls == 0) {
            continue;
        }
        uint64_t values[TREE_VALUES];
        for (int key = 0; key < TREE_VALUES; key++) {
            values[key] = rank_value(profile, selection, i, (enum rank_key)key);
        }
        site_stack_load(&stack, profile, profile->sites.at[i].path);
        size_t shown = direction == TREE_FROM_MAIN ? 0 : site_stack_shown(&stack, wrappers);
        add_site(&b, &stack, shown, direction, values);
    }
    site_stack_finish(&stack);
    id_map_finish(&b.functions);
    id_map_finish(&b.nodes);
    return b.tree;
}

void tree_destroy(struct tree *tree)
{
    if (tree != NULL) {
        free(tree->nodes.at);
        free(tree);
    }
}

struct sortable {
    uint32_t parent;
    uint32_t id;
    uint64_t value;
};

static int by_parent_and_value(const void *a, const void *b)
{
    const struct sortable *x = a;
    const struct sortable *y = b;
    if (x->parent != y->parent) {
        return x->parent < y->parent ? -1 : 1;
    }
    if (x->value != y->value) {
        return x->value > y->value ? -1 : 1;
    }
    return x->id < y->id ? -1 : 1;
}

struct tree_order tree_sort(const struct tree *tree, enum rank_key key)
{
    size_t count = tree->nodes.count;
    struct sortable *sortable = mem_zero(count, sizeof *sortable);
    for (uint32_t i = 1; i < count; i++) {
        const struct tree_node *node = &tree->nodes.at[i];
        sortable[i - 1] = (struct sortable){node->parent, i, node->values[key]};
    }
    qsort(sortable, count - 1, sizeof *sortable, by_parent_and_value);
    struct tree_order order = {mem_zero(count, sizeof(uint32_t)),
                               mem_zero(count + 1, sizeof(uint32_t))};
    for (uint32_t i = 0; i + 1 < count; i++) {
        order.ids[i] = sortable[i].id;
        order.first[sortable[i].parent + 1] += 1;
    }
    for (size_t i = 0; i < count; i++) {
        order.first[i + 1] += order.first[i];
    }
    free(sortable);
    return order;
}

void tree_order_finish(struct tree_order *order)
{
    free(order->ids);
    free(order->first);
    *order = (struct tree_order){0};
}
