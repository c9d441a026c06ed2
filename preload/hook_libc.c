/*
 * hook_libc - the C library's malloc family, as the host calls it. Each function forwards exactly
 * once, with the host's arguments, and returns what came back.
 * A block of hook_boot is recognised by its address and kept from the real allocator.
 */
#include "hook_boot.h"
#include "hook_dl.h"
#include "hook_event.h"
#include "hook_export.h"
#include "hook_next.h"

#include <string.h>

EXPORT void *malloc(size_t size)
{
    struct hook_now now;
    hook_begin_sized(&now, CALL_MALLOC, size, __builtin_frame_address(0));
    void *ptr = hook_next()->malloc(size);
    hook_end_alloc(&now, CALL_MALLOC, ptr, size);
    return ptr;
}

EXPORT void *calloc(size_t count, size_t size)
{
    struct hook_now now;
    hook_begin_sized(&now, CALL_CALLOC, count * size, __builtin_frame_address(0));
    void *ptr = hook_next()->calloc(count, size);
    hook_end_alloc(&now, CALL_CALLOC, ptr, count * size);
    return ptr;
}

/* A block of hook_boot moves to the real allocator; the old one is left where it is. */
static void *realloc_any(void *ptr, size_t size)
{
    if (!hook_boot_owns(ptr)) {
        return hook_next()->realloc(ptr, size);
    }
    if (size == 0) {
        return NULL;
    }
    void *fresh = hook_next()->malloc(size);
    if (fresh != NULL) {
        size_t old = hook_boot_size(ptr);
        memcpy(fresh, ptr, old < size ? old : size);
    }
    return fresh;
}

EXPORT void *realloc(void *ptr, size_t size)
{
    struct hook_now now;
    hook_begin_sized(&now, CALL_REALLOC, size, __builtin_frame_address(0));
    void *fresh = realloc_any(ptr, size);
    hook_end_realloc(&now, ptr, fresh, size);
    return fresh;
}

static void *reallocarray_any(void *ptr, size_t count, size_t size)
{
    size_t bytes;
    if (!hook_boot_owns(ptr) || __builtin_mul_overflow(count, size, &bytes)) {
        return hook_next()->reallocarray(ptr, count, size);
    }
    return realloc_any(ptr, bytes);
}

EXPORT void *reallocarray(void *ptr, size_t count, size_t size)
{
    struct hook_now now;
    hook_begin_sized(&now, CALL_REALLOCARRAY, count * size, __builtin_frame_address(0));
    void *fresh = reallocarray_any(ptr, count, size);
    hook_end_realloc(&now, ptr, fresh, count * size);
    return fresh;
}

EXPORT void free(void *ptr)
{
    struct hook_now now;
    hook_begin(&now, CALL_FREE, __builtin_frame_address(0));
    if (!hook_boot_owns(ptr)) {
        hook_next()->free(ptr);
    }
    hook_end_free(&now, CALL_FREE, ptr);
}

EXPORT void cfree(void *ptr)
{
    struct hook_now now;
    hook_begin(&now, CALL_CFREE, __builtin_frame_address(0));
    if (!hook_boot_owns(ptr)) {
        hook_next()->cfree(ptr);
    }
    hook_end_free(&now, CALL_CFREE, ptr);
}

EXPORT int posix_memalign(void **ret, size_t alignment, size_t size)
{
    struct hook_now now;
    hook_begin_sized(&now, CALL_POSIX_MEMALIGN, size, __builtin_frame_address(0));
    int result = hook_next()->posix_memalign(ret, alignment, size);
    hook_end_alloc(&now, CALL_POSIX_MEMALIGN, result == 0 ? *ret : NULL, size);
    return result;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    struct hook_now now;
    hook_begin_sized(&now, CALL_ALIGNED_ALLOC, size, __builtin_frame_address(0));
    void *ptr = hook_next()->aligned_alloc(alignment, size);
    hook_end_alloc(&now, CALL_ALIGNED_ALLOC, ptr, size);
    return ptr;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    struct hook_now now;
    hook_begin_sized(&now, CALL_MEMALIGN, size, __builtin_frame_address(0));
    void *ptr = hook_next()->memalign(alignment, size);
    hook_end_alloc(&now, CALL_MEMALIGN, ptr, size);
    return ptr;
}

EXPORT void *valloc(size_t size)
{
    struct hook_now now;
    hook_begin_sized(&now, CALL_VALLOC, size, __builtin_frame_address(0));
    void *ptr = hook_next()->valloc(size);
    hook_end_alloc(&now, CALL_VALLOC, ptr, size);
    return ptr;
}

EXPORT void *pvalloc(size_t size)
{
    struct hook_now now;
    hook_begin_sized(&now, CALL_PVALLOC, size, __builtin_frame_address(0));
    void *ptr = hook_next()->pvalloc(size);
    hook_end_alloc(&now, CALL_PVALLOC, ptr, size);
    return ptr;
}

EXPORT size_t malloc_usable_size(void *ptr)
{
    return hook_boot_owns(ptr) ? hook_boot_size(ptr) : hook_next()->malloc_usable_size(ptr);
}

EXPORT int dlclose(void *handle)
{
    (void)life_session(); /* so that the real one is known */
    return hook_dl_close(handle);
}
