/*
 * hook_table - every function of the malloc family, one row each. The hooks, the look-up of the
 * next allocator, the session's counters, the reports and the tests all expand this table.
 *
 * X(symbol id, printed name, what it does)
 *   ALLOC    returns a new block          FREE     ends a block
 *   REALLOC  ends one block, begins another
 * A row's place is its number in sessions and recordings: rows are appended, never moved.
 */
#ifndef ALLOCTRAP_HOOK_TABLE_H
#define ALLOCTRAP_HOOK_TABLE_H

#define HOOK_TABLE(X)                                                                              \
    X(MALLOC, "malloc", ALLOC)                                                                     \
    X(CALLOC, "calloc", ALLOC)                                                                     \
    X(REALLOC, "realloc", REALLOC)                                                                 \
    X(REALLOCARRAY, "reallocarray", REALLOC)                                                       \
    X(FREE, "free", FREE)                                                                          \
    X(CFREE, "cfree", FREE)                                                                        \
    X(POSIX_MEMALIGN, "posix_memalign", ALLOC)                                                     \
    X(ALIGNED_ALLOC, "aligned_alloc", ALLOC)                                                       \
    X(MEMALIGN, "memalign", ALLOC)                                                                 \
    X(VALLOC, "valloc", ALLOC)                                                                     \
    X(PVALLOC, "pvalloc", ALLOC)                                                                   \
    X(FREE_SIZED, "free_sized", FREE)                                                              \
    X(FREE_ALIGNED_SIZED, "free_aligned_sized", FREE)                                              \
    X(NEW, "operator new", ALLOC)                                                                  \
    X(NEW_ARRAY, "operator new[]", ALLOC)                                                          \
    X(DELETE, "operator delete", FREE)                                                             \
    X(DELETE_ARRAY, "operator delete[]", FREE)                                                     \
    X(MALLOCX, "mallocx", ALLOC)                                                                   \
    X(RALLOCX, "rallocx", REALLOC)                                                                 \
    X(DALLOCX, "dallocx", FREE)                                                                    \
    X(SDALLOCX, "sdallocx", FREE)                                                                  \
    X(MI_MALLOC, "mi_malloc", ALLOC)                                                               \
    X(MI_CALLOC, "mi_calloc", ALLOC)                                                               \
    X(MI_REALLOC, "mi_realloc", REALLOC)                                                           \
    X(MI_FREE, "mi_free", FREE)

enum hook_call {
#define HOOK_ROW(id, name, effect) CALL_##id,
    HOOK_TABLE(HOOK_ROW)
#undef HOOK_ROW
        CALL_COUNT
};

enum hook_effect { HOOK_EFFECT_ALLOC, HOOK_EFFECT_FREE, HOOK_EFFECT_REALLOC };

/* PURE. The function's name as a person writes it; "?" beyond the table. */
static inline const char *hook_call_name(unsigned call)
{
    static const char *const names[] = {
#define HOOK_ROW(id, name, effect) name,
        HOOK_TABLE(HOOK_ROW)
#undef HOOK_ROW
    };
    return call < CALL_COUNT ? names[call] : "?";
}

/* PURE. What a call does to blocks; call must be below CALL_COUNT. */
static inline enum hook_effect hook_call_effect(unsigned call)
{
    static const unsigned char effects[] = {
#define HOOK_ROW(id, name, effect) HOOK_EFFECT_##effect,
        HOOK_TABLE(HOOK_ROW)
#undef HOOK_ROW
    };
    return (enum hook_effect)effects[call];
}

#endif
