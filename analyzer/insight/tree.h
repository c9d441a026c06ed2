/*
 * tree - call sites added up into a call tree: from main inwards, or from each allocating function
 * outwards. Frames of one function are one node whatever the line; numbers are inclusive.
 */
#ifndef ALLOCTRAP_INSIGHT_TREE_H
#define ALLOCTRAP_INSIGHT_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"
#include "insight/rank.h"
#include "insight/select.h"
#include "insight/site_name.h"

enum tree_direction {
    TREE_FROM_MAIN, /* the outermost function first, every frame kept */
    TREE_FROM_SITE, /* the shown frame of each site first, then who called it */
    TREE_SITE_ALONE /* the shown frame and nothing below it: one node for each function */
};

enum { TREE_VALUES = RANK_P99 }; /* one for each key that adds up */

struct tree_node {
    uint32_t parent;         /* always below the node's own id */
    struct site_frame frame; /* of the first call seen; the line is that call's */
    uint64_t values[TREE_VALUES];
};

/* Node 0 is the sum over everything and has no frame. */
struct tree {
    MEM_ARRAY(struct tree_node) nodes;
};

struct tree *tree_build(const struct profile *profile, const struct selection *selection,
                        const struct site_wrappers *wrappers, enum tree_direction direction);
void tree_destroy(struct tree *tree);

/* Children of every node, largest by key first. */
struct tree_order {
    uint32_t *ids;   /* grouped by parent */
    uint32_t *first; /* for each node: its children are ids[first[n]] up to ids[first[n + 1]] */
};
struct tree_order tree_sort(const struct tree *tree, enum rank_key key);
void tree_order_finish(struct tree_order *order);

#endif
