/*
 * An allocator that a signal may interrupt anywhere: each block is cut from one map by an atomic
 * counter and never used again. While `steady_hook` is set, a call of steady size calls it, as an
 * allocator calls out-of-memory handlers.
 */
#include "steady_allocator.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum { HEAD_BYTES = 16, PAGE_BYTES = 4096 };

static alignas(PAGE_BYTES) char memory[STEADY_BYTES];
static _Atomic size_t used = HEAD_BYTES;

void (*steady_hook)(void);

static void *cut(size_t alignment, size_t size)
{
    if (size > STEADY_BYTES / 2) {
        errno = ENOMEM;
        return NULL;
    }
    alignment = alignment < HEAD_BYTES ? HEAD_BYTES : alignment;
    size_t room = (size + HEAD_BYTES + alignment + HEAD_BYTES - 1) & ~(size_t)(HEAD_BYTES - 1);
    size_t start = atomic_fetch_add(&used, room);
    if (start + room > STEADY_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    start = (start + HEAD_BYTES + alignment - 1) & ~(alignment - 1);
    memcpy(memory + start - sizeof size, &size, sizeof size);
    return memory + start;
}

static size_t size_of(const void *block)
{
    size_t size;
    memcpy(&size, (const char *)block - sizeof size, sizeof size);
    return size;
}

void *malloc(size_t size)
{
    if (size == STEADY_CALLS_OUT && steady_hook != NULL) {
        steady_hook();
    }
    return cut(HEAD_BYTES, size);
}

void free(void *block)
{
    (void)block;
}

void *calloc(size_t count, size_t size)
{
    return size != 0 && count > SIZE_MAX / size ? NULL : malloc(count * size);
}

void *realloc(void *block, size_t size)
{
    void *fresh = malloc(size);
    if (block != NULL && fresh != NULL) {
        size_t old = size_of(block);
        memcpy(fresh, block, old < size ? old : size);
    }
    return fresh;
}

void *memalign(size_t alignment, size_t size)
{
    return cut(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return cut(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    void *block = cut(alignment, size);
    if (block == NULL) {
        return ENOMEM;
    }
    *ret = block;
    return 0;
}

void *valloc(size_t size)
{
    return cut(PAGE_BYTES, size);
}

void *pvalloc(size_t size)
{
    return cut(PAGE_BYTES, (size + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1));
}

size_t malloc_usable_size(void *block)
{
    return block == NULL ? 0 : size_of(block);
}
