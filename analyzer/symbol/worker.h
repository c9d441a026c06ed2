/*
 * worker - looks up the addresses of one file in a process of its own. Files and debug information
 * may be damaged or hostile, and the libraries that read them may crash, loop or eat memory: that
 * ends the worker and costs names, never the recording. The worker has limits of CPU time and
 * memory; what it sends back is checked.
 */
#ifndef ALLOCTRAP_SYMBOL_WORKER_H
#define ALLOCTRAP_SYMBOL_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/object.h"

/* One line at an address, names made readable. The texts die after the call. */
struct worker_line {
    const char *function; /* "" = unknown */
    const char *linked;   /* "" where equal to function */
    const char *file;     /* "" = unknown */
    uint32_t line;
    bool is_inlined;
};

/* What stands at one address; index is its place in the list that was given. */
struct worker_answer {
    size_t index;
    const struct worker_line *lines;
    size_t count;
    bool is_whole; /* as object_answer has them */
    bool lacks_split;
};

/* Called for each address that has lines, in the order of the addresses. */
typedef void worker_visit(void *context, const struct worker_answer *answer);

/* Looks up all addresses (link-time, best sorted). OBJECT_DAMAGED too when the worker died; visit
 * has then been called for those that it had done. */
enum object_state worker_find(const struct object_wish *wish, const uint64_t *addresses,
                              size_t count, worker_visit *visit, void *context);

#endif
