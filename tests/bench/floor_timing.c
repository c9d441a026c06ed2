/*
 * floor_timing - floor_forward with the time-stamp counter read before and after each call, and the
 * calls and ticks summed up in thread-local memory: the floor of every tool that times each call.
 */
#include "floor_timing.h"
#include "floor_next.h"

#include <malloc.h>
#include <stdlib.h>
#include <x86intrin.h>

static _Thread_local struct {
    uint64_t calls;
    uint64_t ticks;
} sum;

static inline void add(uint64_t start)
{
    sum.ticks += __rdtsc() - start;
    sum.calls++;
}

#define FLOOR_ROW(type, name, params, args)                                                        \
    FLOOR_EXPORT type name params                                                                  \
    {                                                                                              \
        uint64_t start = __rdtsc();                                                                \
        type result = floor_next.name args;                                                        \
        add(start);                                                                                \
        return result;                                                                             \
    }
FLOOR_TABLE(FLOOR_ROW)
#undef FLOOR_ROW

FLOOR_EXPORT void free(void *ptr)
{
    uint64_t start = __rdtsc();
    floor_next.free(ptr);
    add(start);
}

FLOOR_EXPORT uint64_t floor_timing_calls(void)
{
    return sum.calls;
}

FLOOR_EXPORT uint64_t floor_timing_ticks(void)
{
    return sum.ticks;
}
