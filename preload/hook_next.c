#include "hook_next.h"

#include "hook_boot.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

/* Too early for the real one: the library stays, which its contract allows. */
static int keep_open(void *handle)
{
    (void)handle;
    return 0;
}

static const struct hook_next boot = {
    .malloc = hook_boot_malloc,
    .calloc = hook_boot_calloc,
    .realloc = hook_boot_realloc,
    .reallocarray = hook_boot_reallocarray,
    .free = hook_boot_free,
    .cfree = hook_boot_free,
    .posix_memalign = hook_boot_posix_memalign,
    .aligned_alloc = hook_boot_memalign,
    .memalign = hook_boot_memalign,
    .valloc = hook_boot_valloc,
    .pvalloc = hook_boot_pvalloc,
    .malloc_usable_size = hook_boot_usable_size,
    .dlclose = keep_open,
};

_Atomic(const struct hook_next *) hook_next_now = &boot;
static struct hook_next found;

static const struct link_map *object_of(const void *address)
{
    struct dl_find_object object;
    /* The address is only looked up, never written to. */
    if (_dl_find_object((void *)(uintptr_t)address, &object) != 0) {
        return NULL;
    }
    return object.dlfo_link_map;
}

void *hook_next_symbol(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    return symbol != NULL && object_of(symbol) != object_of(&hook_next_now) ? symbol : NULL;
}

const char *hook_next_object(void)
{
    void *address;
    memcpy(&address, &found.malloc, sizeof address);
    const struct link_map *object = object_of(address);
    return object == NULL ? "?" : object->l_name;
}

void hook_next_forget_failure(void)
{
    if (dlerror() != NULL) {
        (void)dlerror(); /* told once, it is freed */
    }
}

/* Stores a symbol into a function pointer, which C has no cast for. */
static bool find(void *ret_function, const char *name)
{
    void *symbol = hook_next_symbol(name);
    if (symbol == NULL) {
        hook_next_forget_failure();
    }
    memcpy(ret_function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool is_beside_malloc(const void *function_pointer)
{
    void *address;
    void *reference;
    memcpy(&address, function_pointer, sizeof address);
    memcpy(&reference, &found.malloc, sizeof reference);
    return address != NULL && object_of(address) == object_of(reference);
}

static void *reallocarray_by_realloc(void *ptr, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return found.realloc(ptr, bytes);
}

bool hook_next_resolve(void)
{
    if (hook_next() != &boot) {
        return true;
    }
    bool is_whole =
        find(&found.malloc, "malloc") && find(&found.calloc, "calloc") &&
        find(&found.realloc, "realloc") && find(&found.free, "free") &&
        find(&found.posix_memalign, "posix_memalign") &&
        find(&found.aligned_alloc, "aligned_alloc") && find(&found.memalign, "memalign") &&
        find(&found.valloc, "valloc") && find(&found.pvalloc, "pvalloc") &&
        find(&found.malloc_usable_size, "malloc_usable_size") && find(&found.dlclose, "dlclose");
    if (!is_whole) {
        return false;
    }
    (void)find(&found.reallocarray, "reallocarray");
    if (!is_beside_malloc(&found.reallocarray)) {
        found.reallocarray = reallocarray_by_realloc;
    }
    (void)find(&found.cfree, "cfree");
    if (!is_beside_malloc(&found.cfree)) {
        found.cfree = found.free;
    }
    /* Release; pairs with the acquire in hook_next(): the table is whole before it is seen. */
    atomic_store_explicit(&hook_next_now, &found, memory_order_release);
    return true;
}
