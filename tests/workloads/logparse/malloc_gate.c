#include "malloc_gate.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);

static atomic_ulong calls;
static atomic_size_t total_bytes;
static unsigned long allowed = ULONG_MAX;

void malloc_gate_open(void)
{
    malloc_gate_fail_after(ULONG_MAX);
}

void malloc_gate_fail_after(unsigned long count)
{
    calls = 0;
    total_bytes = 0;
    allowed = count;
}

unsigned long malloc_gate_calls(void)
{
    return calls;
}

size_t malloc_gate_bytes(void)
{
    return total_bytes;
}

static bool may_pass(size_t bytes)
{
    total_bytes += bytes;
    if (calls++ < allowed) {
        return true;
    }
    errno = ENOMEM;
    return false;
}

void *__wrap_malloc(size_t bytes)
{
    return may_pass(bytes) ? __real_malloc(bytes) : NULL;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return may_pass(count * bytes) ? __real_calloc(count, bytes) : NULL;
}

void *__wrap_realloc(void *old, size_t bytes)
{
    return may_pass(bytes) ? __real_realloc(old, bytes) : NULL;
}
