/*
 * hook_next - the allocator below us: what the program would have called without us.
 * Owner:   the process. Until the table is known it points at hook_boot.
 * Threads: looked up once, by the thread that starts us; read by all.   Errno: may be changed by
 *          the look-up (dlsym); the caller keeps the host's.
 * A function that the allocator's object lacks is made of its others where that is exact
 * (reallocarray, cfree); else it is what symbol order gives, which is what the program would get
 * without us. Symbols are looked for behind us only, so neither we nor a PLT stub of the
 * executable can be found.
 */
#ifndef ALLOCTRAP_HOOK_NEXT_H
#define ALLOCTRAP_HOOK_NEXT_H

#include "base_local.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hook_next {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *ptr, size_t size);
    void *(*reallocarray)(void *ptr, size_t count, size_t size);
    void (*free)(void *ptr);
    void (*cfree)(void *ptr);
    int (*posix_memalign)(void **ret, size_t alignment, size_t size);
    void *(*aligned_alloc)(size_t alignment, size_t size);
    void *(*memalign)(size_t alignment, size_t size);
    void *(*valloc)(size_t size);
    void *(*pvalloc)(size_t size);
    size_t (*malloc_usable_size)(void *ptr);
    int (*dlclose)(void *handle);
    int (*prctl)(int option, ...);
    long (*syscall)(long number, ...);
    int (*fork)(void);
    int (*fork_only)(void); /* _Fork: no handlers */
};

LOCAL extern _Atomic(const struct hook_next *) hook_next_now;

/* HOT. Acquire; pairs with the release in hook_next_resolve(). */
static inline const struct hook_next *hook_next(void)
{
    return atomic_load_explicit(&hook_next_now, memory_order_acquire);
}

/* COLD. Finds the allocator, once; calls dlsym, so the caller's guard is up. False when libc's own
 * malloc cannot be found, which leaves hook_boot in charge. */
bool hook_next_resolve(void);
/* COLD. A symbol of the objects behind us, NULL when there is none or it is our own. */
void *hook_next_symbol(const char *name);
/* HOT. hook_next_resolve() has found it. */
bool hook_next_is_known(void);
/* HOT. The code at pc is the allocator's, or libc's or the loader's: what it calls is no call of
 * the host's. */
bool hook_next_is_side(uintptr_t pc);
/* COLD. The file of the object that serves malloc. */
const char *hook_next_object(void);
/* COLD. A look-up that failed leaves its message for the next dlerror(), which would be the host's,
 * and which the next dlopen() frees as if the host had made it. This forgets it. */
void hook_next_forget_failure(void);

#endif
