/*
 * path_table - call paths as a tree in session memory; a path is the small number of its innermost
 * node. The recorder reads the same tree.
 * Owner:   the process's session.   Threads: any number find and add at once, without a lock; two
 *          that add one node at the same moment may make it twice, which readers accept.
 * Memory:  the session's, in chunks; nothing is moved or removed.   Errno: never touched.
 * Signals: a walk away at any point leaves at worst an unused node.
 */
#ifndef ALLOCTRAP_PATH_TABLE_H
#define ALLOCTRAP_PATH_TABLE_H

#include "alloctrap/session.h"

/* What makes a node: who called, from where, in which module epoch. */
struct path_key {
    uint64_t addr;
    uint32_t parent; /* 0 = outermost frame */
    uint32_t epoch;
    uint32_t flags; /* enum session_node_flag */
};

/* HOT. The node's id, 0 when there is none yet. */
uint32_t path_find(struct session_head *head, const struct path_key *key);
/* COLD. Adds the node, or finds the one that another thread just added; 0 when there is no room. */
uint32_t path_add(struct session_head *head, const struct path_key *key);

#endif
