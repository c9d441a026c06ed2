/* steady_allocator - see steady_allocator.c. */
#ifndef STEADY_ALLOCATOR_H
#define STEADY_ALLOCATOR_H

#include <stddef.h>

enum { STEADY_BYTES = 1 << 30, STEADY_CALLS_OUT = 4321 };

extern void (*steady_hook)(void);

void *malloc(size_t size);
void free(void *block);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void *memalign(size_t alignment, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
int posix_memalign(void **ret, size_t alignment, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);
size_t malloc_usable_size(void *block);

#endif
