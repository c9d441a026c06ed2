#include "live/live_library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "live/live_build.h"

static const char *const library_dirs[] = {LIVE_BUILD_LIBRARY_DIR, "../preload"};

static const char *variant_name(enum live_elf_allocator allocator)
{
    switch (allocator) {
    case LIVE_ELF_TCMALLOC:
        return "liballoctrap-new.so";
    case LIVE_ELF_JEMALLOC:
        return "liballoctrap-jemalloc.so";
    case LIVE_ELF_MIMALLOC:
        return "liballoctrap-mimalloc.so";
    case LIVE_ELF_LIBC:
    default:
        return "liballoctrap.so";
    }
}

static enum live_elf_allocator allocator_preloaded(const char *preload)
{
    enum live_elf_allocator found = LIVE_ELF_LIBC;
    char *copy = mem_text(preload == NULL ? "" : preload);
    char *rest = NULL;
    for (char *name = strtok_r(copy, " :", &rest); name != NULL;
         name = strtok_r(NULL, " :", &rest)) {
        enum live_elf_allocator one = live_elf_allocator_of(name);
        found = found == LIVE_ELF_LIBC ? one : found;
    }
    free(copy);
    return found;
}

static char *own_dir(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0) {
        return NULL;
    }
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    *slash = '\0';
    return mem_text(path);
}

static char *find_library(const char *name)
{
    char *own = own_dir();
    char *found = NULL;
    for (size_t i = 0; own != NULL && found == NULL && i < 2; i++) {
        bool is_absolute = library_dirs[i][0] == '/';
        char *path = mem_format("%s%s%s/%s", is_absolute ? "" : own, is_absolute ? "" : "/",
                                library_dirs[i], name);
        found = realpath(path, NULL);
        free(path);
    }
    free(own);
    return found;
}

enum err_code live_library_preload(const struct live_elf *program, char **ret, struct err *reterr)
{
    const char *before = getenv("LD_PRELOAD");
    enum live_elf_allocator allocator = allocator_preloaded(before);
    allocator = allocator == LIVE_ELF_LIBC ? program->allocator : allocator;
    char *library = find_library(variant_name(allocator));
    if (library == NULL) {
        return err_set(reterr, ERR_MISSING, variant_name(allocator),
                       "not found beside the alloctrap program; install both with meson install");
    }
    if (strpbrk(library, " :") != NULL) {
        enum err_code code =
            err_set(reterr, ERR_USAGE, library,
                    "the loader takes no library whose path has a space or colon; install "
                    "alloctrap elsewhere");
        free(library);
        return code;
    }
    bool has_before = before != NULL && before[0] != '\0';
    *ret = mem_format("%s%s%s", library, has_before ? ":" : "", has_before ? before : "");
    free(library);
    return ERR_NONE;
}
