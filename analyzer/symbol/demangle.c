#include "symbol/demangle.h"

#include <string.h>

#include <libiberty/demangle.h>

#include "base/mem.h"

enum {
    LIMITED_BYTES = 1000, /* libiberty's recursion limit refuses any name longer than 1024 */
    UNLIMITED_BYTES = 16384
};

static char *cut(char *name)
{
    if (strlen(name) > DEMANGLE_NAME_MAX) {
        strcpy(name + DEMANGLE_NAME_MAX - 3, "...");
    }
    return name;
}

char *demangle_name(const char *linked)
{
    char *name = NULL;
    size_t length = strlen(linked);
    if (linked[0] == '_' && length <= UNLIMITED_BYTES) {
        /* Names of templates do get longer: their own length is then the limit. */
        int depth = length > LIMITED_BYTES ? DMGL_NO_RECURSE_LIMIT : 0;
        name = cplus_demangle(linked, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO | depth);
    }
    return cut(name != NULL ? name : mem_text(linked));
}
