/*
 * floor_next - the allocator below the two floor shims, found once with dlsym(RTLD_NEXT).
 * Not for: recording anything. The shims are what the cheapest possible tool would cost.
 * Owner:   the shim that links it. Threads: the first call comes before any thread is made.
 * Memory:  none; glibc's dlsym (2.34 and newer) allocates nothing for a name that exists.
 */
#ifndef FLOOR_NEXT_H
#define FLOOR_NEXT_H

#include <stddef.h>

#define FLOOR_EXPORT __attribute__((visibility("default")))

/* What floor_next holds for each function: X(return type, name, parameters, arguments). */
#define FLOOR_TABLE(X)                                                                             \
    X(void *, malloc, (size_t size), (size))                                                       \
    X(void *, calloc, (size_t count, size_t size), (count, size))                                  \
    X(void *, realloc, (void *ptr, size_t size), (ptr, size))                                      \
    X(void *, reallocarray, (void *ptr, size_t count, size_t size), (ptr, count, size))            \
    X(int, posix_memalign, (void **ret_ptr, size_t align, size_t size), (ret_ptr, align, size))    \
    X(void *, aligned_alloc, (size_t align, size_t size), (align, size))                           \
    X(void *, memalign, (size_t align, size_t size), (align, size))                                \
    X(void *, valloc, (size_t size), (size))                                                       \
    X(void *, pvalloc, (size_t size), (size))

/* free() returns nothing, so it stands beside the table. */
struct floor_next {
#define FLOOR_ROW(type, name, params, args) type(*name) params;
    FLOOR_TABLE(FLOOR_ROW)
#undef FLOOR_ROW
    void (*free)(void *ptr);
};

/* Each member looks all of them up when it is called first, then is the next allocator's own. */
extern struct floor_next floor_next;

#endif
