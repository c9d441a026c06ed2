/*
 * memory_session - a session in plain memory, all of it backed, for tests of what stands on one.
 */
#ifndef MEMORY_SESSION_H
#define MEMORY_SESSION_H

#include "alloctrap/session.h"

#include <stdlib.h>
#include <string.h>

static inline struct session_head *memory_session_create(uint64_t bytes)
{
    struct session_head *head = aligned_alloc(4096, bytes);
    memset(head, 0, bytes);
    head->map_bytes = bytes;
    head->module_off = bytes;
    head->backed_bytes = bytes;
    head->used_bytes = (sizeof *head + 63) / 64 * 64;
    head->node_count = 1;
    return head;
}

#endif
