/*
 * process_tree - who started whom: a recording's processes in the order of a tree, each followed by
 * those it started. A program replaced by exec follows what it was, at the same depth.
 */
#ifndef ALLOCTRAP_INSIGHT_PROCESS_TREE_H
#define ALLOCTRAP_INSIGHT_PROCESS_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

struct process_place {
    uint32_t process; /* index into the profile's processes */
    uint32_t depth;   /* 0 = started by nobody in the recording */
};

/* All processes, once each; children by start time. free() the result; *ret_count is their number.
 * Linear in their number but for the sort. */
struct process_place *process_tree(const struct profile *profile, size_t *ret_count);

#endif
