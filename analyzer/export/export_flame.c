#include "export/export_flame.h"

#include <stdlib.h>
#include <string.h>

#include "heap/id_map.h"
#include "insight/frame_key.h"

enum { SIDE_AFTER, SIDE_BASE, SIDES };

struct builder {
    const struct export_flame_plan *plan;
    MEM_ARRAY(struct export_flame_node) nodes; /* in the order of their making */
    struct mem_strings *keys;
    struct id_map children;         /* (parent, key) -> node */
    const char **frame_keys[SIDES]; /* for each frame of the side's stacks */
};

static const struct export_stacks *side_of(const struct export_flame_plan *plan, int side)
{
    return side == SIDE_AFTER ? plan->stacks : plan->base;
}

static void name_frames(struct builder *b, int side)
{
    const struct export_stacks *s = side_of(b->plan, side);
    char *program = frame_key_program(s->profile);
    b->frame_keys[side] = mem_zero(s->frames.count, sizeof *b->frame_keys[side]);
    for (size_t i = 0; i < s->frames.count; i++) {
        char *key = frame_key(&s->frames.at[i].at, program);
        b->frame_keys[side][i] = mem_strings_keep(b->keys, key);
        free(key);
    }
    free(program);
}

static uint32_t child(struct builder *b, uint32_t parent, const struct export_frame *frame,
                      const char *key)
{
    uint32_t id = id_map_find(&b->children, parent, (uintptr_t)key);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)b->nodes.count;
        uint32_t depth = b->nodes.at[parent].depth + 1;
        *MEM_PUSH(&b->nodes) =
            (struct export_flame_node){.parent = parent, .depth = depth, .frame = frame->at};
        id_map_put(&b->children, parent, (uintptr_t)key, id);
    }
    return id;
}

/* The base's value for as much work as the other side did. */
static uint64_t for_as_much_work(const struct export_flame_plan *plan, uint64_t value)
{
    long double units = (long double)plan->base->profile->run.units;
    long double scaled = (long double)value * (long double)plan->stacks->profile->run.units;
    return units > 0 ? (uint64_t)(scaled / units + 0.5L) : value;
}

static void add_stack(struct builder *b, const struct export_stack *stack, int side)
{
    const struct export_stacks *s = side_of(b->plan, side);
    uint64_t value = stack->values[b->plan->metric];
    uint32_t at = 0;
    if (value == 0) {
        return;
    }
    if (side == SIDE_BASE && b->plan->is_per_unit) {
        value = for_as_much_work(b->plan, value);
    }
    for (uint32_t i = 0; i < stack->count; i++) {
        uint32_t frame = stack->frames[b->plan->is_inverted ? stack->count - 1 - i : i];
        at = child(b, at, &s->frames.at[frame], b->frame_keys[side][frame]);
    }
    struct export_flame_node *node = &b->nodes.at[at];
    *(side == SIDE_AFTER ? &node->self : &node->base_self) += value;
}

static void add_side(struct builder *b, int side)
{
    const struct export_stacks *s = side_of(b->plan, side);
    if (s == NULL) {
        return;
    }
    name_frames(b, side);
    for (size_t i = 0; i < s->stacks.count; i++) {
        add_stack(b, &s->stacks.at[i], side);
    }
}

/* A parent's id is below its children's: backwards, each is whole before it is added. */
static void sum_up(struct builder *b)
{
    for (size_t i = b->nodes.count; i-- > 0;) {
        struct export_flame_node *node = &b->nodes.at[i];
        node->value += node->self;
        node->base_value += node->base_self;
        node->width += node->self > node->base_self ? node->self : node->base_self;
        if (i > 0) {
            struct export_flame_node *parent = &b->nodes.at[node->parent];
            parent->value += node->value;
            parent->base_value += node->base_value;
            parent->width += node->width;
        }
    }
}

struct sortable {
    const struct export_flame_node *node;
    uint32_t id;
    bool is_by_name;
};

static int by_place(const void *a, const void *b)
{
    const struct sortable *x = a;
    const struct sortable *y = b;
    if (x->node->parent != y->node->parent) {
        return x->node->parent < y->node->parent ? -1 : 1;
    }
    if (!x->is_by_name && x->node->width != y->node->width) {
        return x->node->width > y->node->width ? -1 : 1;
    }
    int order = strcmp(x->node->frame.function, y->node->frame.function);
    order = order != 0 ? order : strcmp(x->node->frame.module, y->node->frame.module);
    return order != 0 ? order : x->id < y->id ? -1 : 1;
}

static struct sortable *sort_nodes(const struct builder *b)
{
    size_t count = b->nodes.count - 1;
    struct sortable *sorted = mem_zero(count + 1, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        const struct export_flame_node *node = &b->nodes.at[i + 1];
        sorted[i] = (struct sortable){node, (uint32_t)i + 1, b->plan->is_by_name};
    }
    qsort(sorted, count, sizeof *sorted, by_place);
    return sorted;
}

static int larger_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x > y ? -1 : x < y;
}

/* The width below which nodes are joined: so that at most frames_max are as wide. */
static uint64_t smallest_width(const struct builder *b)
{
    size_t count = b->nodes.count - 1;
    if (b->plan->frames_max == 0 || count <= b->plan->frames_max) {
        return 0;
    }
    uint64_t *widths = mem_zero(count, sizeof *widths);
    for (size_t i = 0; i < count; i++) {
        widths[i] = b->nodes.at[i + 1].width;
    }
    qsort(widths, count, sizeof *widths, larger_first);
    /* Joining leaves a node at each parent: half of the room is for these. */
    uint64_t smallest = widths[b->plan->frames_max / 2] + 1;
    free(widths);
    return smallest;
}

/* The sorted tree written out depth first; ids change, so that parents stay below children. */
struct writer {
    const struct builder *b;
    struct export_flame *into;
    const struct sortable *sorted;
    const uint32_t *first; /* node n's children are sorted[first[n]] up to first[n + 1] */
    uint32_t *below;       /* nodes below each */
    uint64_t smallest;
};

static void add_joined(struct export_flame_node *joined, const struct export_flame_node *node,
                       uint32_t below)
{
    joined->joined += 1 + below;
    joined->value += node->value;
    joined->self += node->value;
    joined->base_value += node->base_value;
    joined->base_self += node->base_value;
    joined->width += node->width;
}

static void push_node(struct writer *w, const struct export_flame_node *node, uint32_t parent)
{
    *MEM_PUSH(&w->into->nodes) = *node;
    w->into->nodes.at[w->into->nodes.count - 1].parent = parent;
    w->into->depth_max = node->depth > w->into->depth_max ? node->depth : w->into->depth_max;
}

struct step {
    uint32_t next; /* into sorted */
    uint32_t end;
    uint32_t id; /* new id of the parent */
    struct export_flame_node joined;
};

typedef MEM_ARRAY(struct step) steps;

static void begin_children(const struct writer *w, steps *stack, uint32_t old_id, uint32_t new_id)
{
    *MEM_PUSH(stack) = (struct step){.next = w->first[old_id],
                                     .end = w->first[old_id + 1],
                                     .id = new_id,
                                     .joined = {.depth = w->b->nodes.at[old_id].depth + 1}};
}

static void write_tree(struct writer *w)
{
    static const struct site_frame none = {
        .function = "", .other_name = "", .file = "", .module = ""};
    steps stack = {0};
    push_node(w, &w->b->nodes.at[0], 0);
    w->into->nodes.at[0].frame = none;
    begin_children(w, &stack, 0, 0);
    while (stack.count > 0) {
        struct step *step = &stack.at[stack.count - 1];
        if (step->next == step->end) {
            if (step->joined.joined > 0) {
                step->joined.frame = none;
                push_node(w, &step->joined, step->id);
            }
            stack.count -= 1;
            continue;
        }
        const struct sortable *next = &w->sorted[step->next++];
        if (next->node->width < w->smallest) {
            add_joined(&step->joined, next->node, w->below[next->id]);
            continue;
        }
        push_node(w, next->node, step->id);
        begin_children(w, &stack, next->id, (uint32_t)w->into->nodes.count - 1);
    }
    free(stack.at);
}

static void write_sorted(const struct builder *b, struct export_flame *into)
{
    size_t count = b->nodes.count;
    struct sortable *sorted = sort_nodes(b);
    uint32_t *first = mem_zero(count + 1, sizeof *first);
    uint32_t *below = mem_zero(count, sizeof *below);
    for (size_t i = 0; i + 1 < count; i++) {
        first[sorted[i].node->parent + 1] += 1;
    }
    for (size_t i = 0; i < count; i++) {
        first[i + 1] += first[i];
    }
    for (size_t i = count; i-- > 1;) {
        below[b->nodes.at[i].parent] += 1 + below[i];
    }
    struct writer w = {b, into, sorted, first, below, smallest_width(b)};
    into->frames_all = count - 1;
    write_tree(&w);
    free(sorted);
    free(first);
    free(below);
}

struct export_flame *export_flame_create(const struct export_flame_plan *plan)
{
    struct builder b = {.plan = plan, .keys = mem_strings_create()};
    struct export_flame *flame = mem_zero(1, sizeof *flame);
    (void)MEM_PUSH(&b.nodes);
    add_side(&b, SIDE_AFTER);
    add_side(&b, SIDE_BASE);
    sum_up(&b);
    write_sorted(&b, flame);
    id_map_finish(&b.children);
    for (int side = 0; side < SIDES; side++) {
        free(b.frame_keys[side]);
    }
    free(b.nodes.at);
    mem_strings_destroy(b.keys);
    return flame;
}

void export_flame_destroy(struct export_flame *flame)
{
    if (flame != NULL) {
        free(flame->nodes.at);
        free(flame);
    }
}
