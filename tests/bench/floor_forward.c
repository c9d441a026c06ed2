/*
 * floor_forward - a preload that forwards the malloc family to the next allocator, and nothing
 * else: what LD_PRELOAD itself costs, the floor of every tool that stands before malloc.
 */
#include "floor_next.h"

#include <malloc.h>
#include <stdlib.h>

#define FLOOR_ROW(type, name, params, args)                                                        \
    FLOOR_EXPORT type name params                                                                  \
    {                                                                                              \
        return floor_next.name args;                                                               \
    }
FLOOR_TABLE(FLOOR_ROW)
#undef FLOOR_ROW

FLOOR_EXPORT void free(void *ptr)
{
    floor_next.free(ptr);
}
