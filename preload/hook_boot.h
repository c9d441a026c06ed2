/*
 * hook_boot - serves the calls that come before the real allocator is known (dlsym allocates).
 * Owner:   nobody: blocks are recognised by address for ever and never handed to libc.
 * Threads: any, by one atomic counter.   Signals: safe.
 * Memory:  64 KiB of zeroed static buffer; what is freed is not used again.
 * Errno:   ENOMEM and EINVAL as the functions' own contract says.
 */
#ifndef ALLOCTRAP_HOOK_BOOT_H
#define ALLOCTRAP_HOOK_BOOT_H

#include "base_local.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOOK_BOOT_BYTES = 64 << 10 };
LOCAL extern char hook_boot_buffer[HOOK_BOOT_BYTES];

/* HOT. Blocks of before are told by their address. */
static inline bool hook_boot_owns(const void *ptr)
{
    return (uintptr_t)ptr - (uintptr_t)hook_boot_buffer < HOOK_BOOT_BYTES;
}

/* HOT. Zeroed; NULL with ENOMEM when the buffer is used up, with EINVAL for a bad alignment. */
void *hook_boot_alloc(size_t alignment, size_t size);
/* HOT. Bytes asked for; ptr must be a block of ours. */
size_t hook_boot_size(const void *ptr);

/* HOT. The family, as hook_next's table has it. */
void *hook_boot_malloc(size_t size);
void *hook_boot_calloc(size_t count, size_t size);
void *hook_boot_realloc(void *ptr, size_t size);
void *hook_boot_reallocarray(void *ptr, size_t count, size_t size);
void hook_boot_free(void *ptr);
int hook_boot_posix_memalign(void **ret, size_t alignment, size_t size);
void *hook_boot_memalign(size_t alignment, size_t size);
void *hook_boot_valloc(size_t size);
void *hook_boot_pvalloc(size_t size);
size_t hook_boot_usable_size(void *ptr);

#endif
