/*
 * hook_export - marks what the host sees of us. The version script alone cannot un-hide a symbol.
 * Prototypes stand here and not in libc's headers, whose attributes (nonnull, malloc, warnings of
 * old functions) are for callers.
 */
#ifndef ALLOCTRAP_HOOK_EXPORT_H
#define ALLOCTRAP_HOOK_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t size);
EXPORT void *calloc(size_t count, size_t size);
EXPORT void *realloc(void *ptr, size_t size);
EXPORT void *reallocarray(void *ptr, size_t count, size_t size);
EXPORT void free(void *ptr);
EXPORT void cfree(void *ptr);
EXPORT int posix_memalign(void **ret, size_t alignment, size_t size);
EXPORT void *aligned_alloc(size_t alignment, size_t size);
EXPORT void *memalign(size_t alignment, size_t size);
EXPORT void *valloc(size_t size);
EXPORT void *pvalloc(size_t size);
EXPORT size_t malloc_usable_size(void *ptr);
EXPORT int dlclose(void *handle);
EXPORT int prctl(int option, ...);
EXPORT int fork(void);
EXPORT int _Fork(void);

/* The in-process side of alloctrap.h. */
EXPORT void alloctrap_note_units(uint64_t count, const char *unit_name);
EXPORT void alloctrap_note(uint32_t kind, const char *name);
/* The calling thread's exact counts so far: allocations, frees, bytes. False when it has none. */
EXPORT bool alloctrap_thread_counts(uint64_t counts[3]);

#endif
