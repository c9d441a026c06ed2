/*
 * export_flame - stacks joined into one tree of functions, of one metric: from the root inwards or,
 * inverted, from the allocating function outwards. One recording, or two laid over each other.
 * Functions are the same whatever their line; between recordings also whatever the build
 * (insight/frame_key). Depth and children: as in the stacks; nothing is left out unless asked for.
 * Not for: how it looks; export_svg and export_folded do that.
 * Owner:   the caller; the stacks are borrowed.   Memory: one node for each distinct chain.
 * Units:   the metric's.   Threads: one at a time.   Errors: none.
 */
#ifndef ALLOCTRAP_EXPORT_EXPORT_FLAME_H
#define ALLOCTRAP_EXPORT_EXPORT_FLAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/export_stacks.h"

struct export_flame_node {
    uint32_t parent;         /* below the node's own id */
    uint32_t depth;          /* node 0 has 0 */
    uint32_t joined;         /* 0; else this stands for so many small nodes, and has no frame */
    struct site_frame frame; /* of the first stack with it */
    uint64_t value;          /* with everything above it */
    uint64_t self;           /* stacks that end here */
    uint64_t base_value;     /* the same in the base recording, 0 without one */
    uint64_t base_self;
    uint64_t width; /* value; with a base the sum over stacks of the larger of both */
};

/* Node 0 is the whole and has no frame. A node's children follow it, each with all of its own:
 * largest first, equal ones by name. */
struct export_flame {
    MEM_ARRAY(struct export_flame_node) nodes;
    uint32_t depth_max;
    size_t frames_all; /* nodes before small ones were joined, node 0 left out */
};

struct export_flame_plan {
    const struct export_stacks *stacks;
    const struct export_stacks *base; /* NULL: no comparison */
    enum export_metric metric;
    bool is_inverted;
    bool is_per_unit;  /* the base's values for as much work as the other side did */
    bool is_by_name;   /* children by name instead of by size */
    size_t frames_max; /* 0: all. Beyond it the smallest siblings are joined into one */
};

struct export_flame *export_flame_create(const struct export_flame_plan *plan);
void export_flame_destroy(struct export_flame *flame);

#endif
