/*
 * hook_new - C++'s operator new and delete, and the own names of jemalloc and mimalloc, for
 * programs whose allocator defines them itself. (libstdc++'s operators call malloc, so that for all
 * other programs hook_libc sees them, with "operator new" as a frame.)
 * Which of them are built: HOOK_JEMALLOC, HOOK_MIMALLOC; a variant of the library each.
 * One that the objects behind us lack is served by the C family. A throwing operator new that
 * throws leaves the guard up; hook_guard finds it stale. Such a call returns nothing: no event.
 */
#include "hook_boot.h"
#include "hook_event.h"
#include "hook_export.h"
#include "hook_next.h"

#include <string.h>

/* A function behind us, looked for at its first call; NULL when there is none. */
struct own_name {
    const char *name;
    _Atomic(void *) found;
    _Atomic bool is_looked_for;
};

/* The guard is up, in the real call: what dlsym allocates is no event. Two threads that look at
 * once find the same. */
static void *real_of(struct own_name *own)
{
    /* Acquire; pairs with the release below: found before is_looked_for. */
    if (!atomic_load_explicit(&own->is_looked_for, memory_order_acquire)) {
        void *symbol = hook_next_symbol(own->name);
        if (symbol == NULL) {
            hook_next_forget_failure();
        }
        atomic_store_explicit(&own->found, symbol, memory_order_relaxed);
        atomic_store_explicit(&own->is_looked_for, true, memory_order_release);
    }
    return atomic_load_explicit(&own->found, memory_order_relaxed);
}

static void *aligned(size_t alignment, size_t size)
{
    return hook_next()->memalign(alignment, size);
}

/* symbol, call, parameters after the size, arguments for the real one, served without it by */
#define HOOK_NEW_TABLE(X)                                                                          \
    X(_Znwm, NEW, (size_t size), (size), hook_next()->malloc(size))                                \
    X(_ZnwmRKSt9nothrow_t, NEW, (size_t size, const void *tag), (size, tag),                       \
      hook_next()->malloc(size))                                                                   \
    X(_ZnwmSt11align_val_t, NEW, (size_t size, size_t align), (size, align), aligned(align, size)) \
    X(_ZnwmSt11align_val_tRKSt9nothrow_t, NEW, (size_t size, size_t align, const void *tag),       \
      (size, align, tag), aligned(align, size))                                                    \
    X(_Znam, NEW_ARRAY, (size_t size), (size), hook_next()->malloc(size))                          \
    X(_ZnamRKSt9nothrow_t, NEW_ARRAY, (size_t size, const void *tag), (size, tag),                 \
      hook_next()->malloc(size))                                                                   \
    X(_ZnamSt11align_val_t, NEW_ARRAY, (size_t size, size_t align), (size, align),                 \
      aligned(align, size))                                                                        \
    X(_ZnamSt11align_val_tRKSt9nothrow_t, NEW_ARRAY, (size_t size, size_t align, const void *tag), \
      (size, align, tag), aligned(align, size))

#define HOOK_DELETE_TABLE(X)                                                                       \
    X(_ZdlPv, DELETE, (void *ptr), (ptr))                                                          \
    X(_ZdlPvm, DELETE, (void *ptr, size_t size), (ptr, size))                                      \
    X(_ZdlPvSt11align_val_t, DELETE, (void *ptr, size_t align), (ptr, align))                      \
    X(_ZdlPvmSt11align_val_t, DELETE, (void *ptr, size_t size, size_t align), (ptr, size, align))  \
    X(_ZdlPvRKSt9nothrow_t, DELETE, (void *ptr, const void *tag), (ptr, tag))                      \
    X(_ZdlPvSt11align_val_tRKSt9nothrow_t, DELETE, (void *ptr, size_t align, const void *tag),     \
      (ptr, align, tag))                                                                           \
    X(_ZdaPv, DELETE_ARRAY, (void *ptr), (ptr))                                                    \
    X(_ZdaPvm, DELETE_ARRAY, (void *ptr, size_t size), (ptr, size))                                \
    X(_ZdaPvSt11align_val_t, DELETE_ARRAY, (void *ptr, size_t align), (ptr, align))                \
    X(_ZdaPvmSt11align_val_t, DELETE_ARRAY, (void *ptr, size_t size, size_t align),                \
      (ptr, size, align))                                                                          \
    X(_ZdaPvRKSt9nothrow_t, DELETE_ARRAY, (void *ptr, const void *tag), (ptr, tag))                \
    X(_ZdaPvSt11align_val_tRKSt9nothrow_t, DELETE_ARRAY,                                           \
      (void *ptr, size_t align, const void *tag), (ptr, align, tag))

#define DEFINE_NEW(symbol, id, parameters, arguments, instead)                                     \
    EXPORT void *symbol parameters;                                                                \
    EXPORT void *symbol parameters                                                                 \
    {                                                                                              \
        static struct own_name own = {.name = #symbol};                                            \
        struct hook_now now;                                                                       \
        hook_begin_sized(&now, CALL_##id, size, __builtin_frame_address(0));                       \
        void *(*real)parameters;                                                                   \
        void *found = real_of(&own);                                                               \
        memcpy(&real, &found, sizeof real);                                                        \
        void *ptr = real != NULL ? real arguments : instead;                                       \
        hook_end_alloc(&now, CALL_##id, ptr, size);                                                \
        return ptr;                                                                                \
    }

#define DEFINE_DELETE(symbol, id, parameters, arguments)                                           \
    EXPORT void symbol parameters;                                                                 \
    EXPORT void symbol parameters                                                                  \
    {                                                                                              \
        static struct own_name own = {.name = #symbol};                                            \
        struct hook_now now;                                                                       \
        hook_begin(&now, CALL_##id, __builtin_frame_address(0));                                   \
        void(*real) parameters;                                                                    \
        void *found = real_of(&own);                                                               \
        memcpy(&real, &found, sizeof real);                                                        \
        if (hook_boot_owns(ptr)) {                                                                 \
            real = NULL;                                                                           \
        } else if (real != NULL) {                                                                 \
            real arguments;                                                                        \
        } else {                                                                                   \
            hook_next()->free(ptr);                                                                \
        }                                                                                          \
        hook_end_free(&now, CALL_##id, ptr);                                                       \
    }

#define DEFINE_REALLOC(symbol, id, parameters, arguments)                                          \
    EXPORT void *symbol parameters;                                                                \
    EXPORT void *symbol parameters                                                                 \
    {                                                                                              \
        static struct own_name own = {.name = #symbol};                                            \
        struct hook_now now;                                                                       \
        hook_begin_sized(&now, CALL_##id, size, __builtin_frame_address(0));                       \
        void *(*real)parameters;                                                                   \
        void *found = real_of(&own);                                                               \
        memcpy(&real, &found, sizeof real);                                                        \
        void *fresh = real != NULL ? real arguments : hook_next()->realloc(ptr, size);             \
        hook_end_realloc(&now, ptr, fresh, size);                                                  \
        return fresh;                                                                              \
    }

HOOK_NEW_TABLE(DEFINE_NEW)
HOOK_DELETE_TABLE(DEFINE_DELETE)

#ifdef HOOK_JEMALLOC
enum { MALLOCX_LG_ALIGN = 63, MALLOCX_ZERO = 64 };

static void *mallocx_instead(size_t size, int flags)
{
    void *ptr = aligned((size_t)1 << (flags & MALLOCX_LG_ALIGN), size);
    return ptr != NULL && (flags & MALLOCX_ZERO) != 0 ? memset(ptr, 0, size) : ptr;
}

DEFINE_NEW(mallocx, MALLOCX, (size_t size, int flags), (size, flags), mallocx_instead(size, flags))
DEFINE_REALLOC(rallocx, RALLOCX, (void *ptr, size_t size, int flags), (ptr, size, flags))
DEFINE_DELETE(dallocx, DALLOCX, (void *ptr, int flags), (ptr, flags))
DEFINE_DELETE(sdallocx, SDALLOCX, (void *ptr, size_t size, int flags), (ptr, size, flags))
#endif

#ifdef HOOK_MIMALLOC
EXPORT void *mi_calloc(size_t count, size_t size);

DEFINE_NEW(mi_malloc, MI_MALLOC, (size_t size), (size), hook_next()->malloc(size))
DEFINE_REALLOC(mi_realloc, MI_REALLOC, (void *ptr, size_t size), (ptr, size))
DEFINE_DELETE(mi_free, MI_FREE, (void *ptr), (ptr))

EXPORT void *mi_calloc(size_t count, size_t size)
{
    static struct own_name own = {.name = "mi_calloc"};
    struct hook_now now;
    hook_begin_sized(&now, CALL_MI_CALLOC, count * size, __builtin_frame_address(0));
    void *(*real)(size_t, size_t);
    void *found = real_of(&own);
    memcpy(&real, &found, sizeof real);
    void *ptr = real != NULL ? real(count, size) : hook_next()->calloc(count, size);
    hook_end_alloc(&now, CALL_MI_CALLOC, ptr, count * size);
    return ptr;
}
#endif
