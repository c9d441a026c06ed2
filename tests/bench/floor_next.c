#include "floor_next.h"

#include <dlfcn.h>
#include <string.h>

/* memcpy, since ISO C has no cast from dlsym's pointer to a function's. */
static void find(void *ret_function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(ret_function, &found, sizeof found);
}

/* Filled aside and stored at once: what dlsym may call meanwhile still goes through first_*. */
static void find_all(void)
{
    struct floor_next found;
#define FLOOR_ROW(type, name, params, args) find(&found.name, #name);
    FLOOR_TABLE(FLOOR_ROW)
#undef FLOOR_ROW
    find(&found.free, "free");
    floor_next = found;
}

#define FLOOR_ROW(type, name, params, args)                                                        \
    static type first_##name params                                                                \
    {                                                                                              \
        find_all();                                                                                \
        return floor_next.name args;                                                               \
    }
FLOOR_TABLE(FLOOR_ROW)
#undef FLOOR_ROW

static void first_free(void *ptr)
{
    find_all();
    floor_next.free(ptr);
}

struct floor_next floor_next = {
#define FLOOR_ROW(type, name, params, args) .name = first_##name,
    FLOOR_TABLE(FLOOR_ROW)
#undef FLOOR_ROW
        .free = first_free,
};
