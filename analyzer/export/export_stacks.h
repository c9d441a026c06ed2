/*
 * export_stacks - the one way in for all exports: every call site as a stack of frames, root first,
 * with its value for each metric, in an order that does not depend on how a recording was made.
 * Frames are numbered once: most formats have a table of them.
 * Not for: file formats; joining call sites (export_flame does that).
 * Owner:   the caller; the profile and the selection are borrowed and must stay.
 * Memory:  one number for each frame of each stack.   Threads: one at a time.   Errors: none.
 */
#ifndef ALLOCTRAP_EXPORT_EXPORT_STACKS_H
#define ALLOCTRAP_EXPORT_EXPORT_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "export/export_metric.h"
#include "heap/profile.h"
#include "insight/select.h"
#include "insight/site_name.h"

#define EXPORT_NO_CODE UINT32_MAX

/* A line of a stack: a function, or a function inlined into the frame before it. */
struct export_frame {
    struct site_frame at; /* function is never "": "libx.so+0x10" where unknown */
    uint32_t code;        /* row of the profile's frames; EXPORT_NO_CODE: made up */
};

struct export_stack {
    uint32_t site;
    uint32_t count;         /* frames; at least 1 */
    const uint32_t *frames; /* into export_stacks.frames, root first */
    uint64_t values[EXPORT_METRICS];
};

struct export_stacks {
    const struct profile *profile;
    MEM_ARRAY(struct export_frame) frames; /* sorted by name, file, line */
    MEM_ARRAY(struct export_stack) stacks; /* sorted by their frames, then by site */
    uint64_t totals[EXPORT_METRICS];       /* sums over the stacks */
    MEM_ARRAY(uint32_t) ids;               /* what stacks' frames point into */
    struct mem_strings *strings;           /* names that the profile does not have */
};

/* Kept call sites that have a value. A stack that was cut has a frame for what is missing; calls
 * whose path found no room have one frame, "(remainder)". */
struct export_stacks *export_stacks_create(const struct profile *profile,
                                           const struct selection *selection);
void export_stacks_destroy(struct export_stacks *stacks);

#endif
