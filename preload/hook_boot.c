#include "hook_boot.h"

#include "base_mem.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

enum { BLOCK_ALIGN = 16, PAGE_BYTES = 4096 };

/* Stands before each block. */
struct boot_head {
    size_t size;
};

alignas(PAGE_BYTES) char hook_boot_buffer[HOOK_BOOT_BYTES];
static _Atomic size_t used_bytes;

void *hook_boot_alloc(size_t alignment, size_t size)
{
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        errno = EINVAL;
        return NULL;
    }
    alignment = alignment < BLOCK_ALIGN ? BLOCK_ALIGN : alignment;
    /* Relaxed: the counter hands out disjoint ranges, it publishes nothing. */
    size_t used = atomic_load_explicit(&used_bytes, memory_order_relaxed);
    size_t start;
    do {
        if (size > HOOK_BOOT_BYTES || alignment > HOOK_BOOT_BYTES) {
            errno = ENOMEM;
            return NULL;
        }
        start = (used + sizeof(struct boot_head) + alignment - 1) & ~(alignment - 1);
        if (start + size >= HOOK_BOOT_BYTES) {
            errno = ENOMEM;
            return NULL;
        }
        /* An empty block takes a byte, so that no two have one address. */
    } while (!atomic_compare_exchange_weak_explicit(&used_bytes, &used,
                                                    start + (size == 0 ? 1 : size),
                                                    memory_order_relaxed, memory_order_relaxed));
    struct boot_head head = {size};
    memcpy(hook_boot_buffer + start - sizeof head, &head, sizeof head);
    return hook_boot_buffer + start;
}

size_t hook_boot_size(const void *ptr)
{
    struct boot_head head;
    memcpy(&head, (const char *)ptr - sizeof head, sizeof head);
    return head.size;
}

void *hook_boot_malloc(size_t size)
{
    return hook_boot_alloc(BLOCK_ALIGN, size);
}

void *hook_boot_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return hook_boot_alloc(BLOCK_ALIGN, bytes);
}

void *hook_boot_realloc(void *ptr, size_t size)
{
    if (ptr != NULL && size == 0) {
        return NULL; /* freed, as glibc does */
    }
    void *fresh = hook_boot_alloc(BLOCK_ALIGN, size);
    if (fresh != NULL && hook_boot_owns(ptr)) {
        size_t old = hook_boot_size(ptr);
        memcpy(fresh, ptr, old < size ? old : size);
    }
    return fresh;
}

void *hook_boot_reallocarray(void *ptr, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return hook_boot_realloc(ptr, bytes);
}

void hook_boot_free(void *ptr)
{
    (void)ptr;
}

int hook_boot_posix_memalign(void **ret, size_t alignment, size_t size)
{
    int host_errno = errno; /* posix_memalign answers by its result alone */
    void *ptr = alignment % sizeof(void *) != 0 ? NULL : hook_boot_alloc(alignment, size);
    int result = alignment % sizeof(void *) != 0 ? EINVAL : errno;
    errno = host_errno;
    if (ptr == NULL) {
        return result;
    }
    *ret = ptr;
    return 0;
}

void *hook_boot_memalign(size_t alignment, size_t size)
{
    return hook_boot_alloc(alignment, size);
}

void *hook_boot_valloc(size_t size)
{
    return hook_boot_alloc(PAGE_BYTES, size);
}

void *hook_boot_pvalloc(size_t size)
{
    return size > HOOK_BOOT_BYTES ? hook_boot_alloc(PAGE_BYTES, size)
                                  : hook_boot_alloc(PAGE_BYTES, mem_round_up(size, PAGE_BYTES));
}

size_t hook_boot_usable_size(void *ptr)
{
    return hook_boot_owns(ptr) ? hook_boot_size(ptr) : 0;
}
