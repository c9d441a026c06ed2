#include "hook_next.h"

#include "base_sys.h"
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

static int fork_by_kernel(void)
{
    return (int)sys_call3(SYS_fork, 0, 0, 0);
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
    .fork = fork_by_kernel,
    .fork_only = fork_by_kernel,
};

_Atomic(const struct hook_next *) hook_next_now = &boot;
static struct hook_next found;

/* Objects on the allocator's side of a call; 0 = none. */
enum { SIDES_MAX = 8 };
static struct {
    _Atomic uintptr_t start;
    uintptr_t end;
} sides[SIDES_MAX];
static _Atomic uint32_t side_count;

static const struct link_map *object_of(const void *address)
{
    struct dl_find_object object;
    /* The address is only looked up, never written to. */
    if (_dl_find_object((void *)(uintptr_t)address, &object) != 0) {
        return NULL;
    }
    return object.dlfo_link_map;
}

/* Adds the object that holds an address to the allocator's side. Two threads may add one twice. */
static void note_side(const void *address)
{
    struct dl_find_object object;
    uintptr_t pc = (uintptr_t)address;
    /* The address is only looked up, never written to. */
    if (hook_next_is_side(pc) || _dl_find_object((void *)pc, &object) != 0) {
        return;
    }
    uint32_t index = atomic_fetch_add_explicit(&side_count, 1, memory_order_relaxed);
    if (index < SIDES_MAX) {
        sides[index].end = (uintptr_t)object.dlfo_map_end;
        /* Release; pairs with the acquire in hook_next_is_side(): the end before the start. */
        atomic_store_explicit(&sides[index].start, (uintptr_t)object.dlfo_map_start,
                              memory_order_release);
    }
}

bool hook_next_is_known(void)
{
    return hook_next() != &boot;
}

bool hook_next_is_side(uintptr_t pc)
{
    for (unsigned i = 0; i < SIDES_MAX; i++) {
        uintptr_t start = atomic_load_explicit(&sides[i].start, memory_order_acquire);
        if (start != 0 && pc >= start && pc < sides[i].end) {
            return true;
        }
    }
    return false;
}

void *hook_next_symbol(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    if (symbol == NULL || object_of(symbol) == object_of(&hook_next_now)) {
        return NULL;
    }
    note_side(symbol);
    return symbol;
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
    /* Each look-up forgets the failure before it. Not by dlerror(): it translates its message, and
     * a host that allocates first in bindtextdomain() holds the lock that this takes. */
    (void)dlsym(RTLD_NEXT, "malloc");
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
        find(&found.malloc_usable_size, "malloc_usable_size") && find(&found.dlclose, "dlclose") &&
        find(&found.fork, "fork") && find(&found.fork_only, "_Fork");
    if (!is_whole) {
        return false;
    }
    void *loader;
    int (*in_loader)(void *, struct dl_find_object *) = _dl_find_object;
    memcpy(&loader, &in_loader, sizeof loader);
    note_side(loader);
    note_side(&hook_next_now); /* a tail call of the allocator's seems to come from our hook */
    (void)find(&found.reallocarray, "reallocarray");
    if (!is_beside_malloc(&found.reallocarray)) {
        found.reallocarray = reallocarray_by_realloc;
    }
    (void)find(&found.prctl, "prctl");
    (void)find(&found.syscall, "syscall");
    (void)find(&found.cfree, "cfree");
    if (!is_beside_malloc(&found.cfree)) {
        found.cfree = found.free;
    }
    /* Release; pairs with the acquire in hook_next(): the table is whole before it is seen. */
    atomic_store_explicit(&hook_next_now, &found, memory_order_release);
    return true;
}
