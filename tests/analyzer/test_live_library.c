#include "live/live_library.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The library is looked for beside the running program, as in a build: ../preload. A test's own
 * folder has no such neighbour, so each makes one. */
static char library[PATH_MAX];
static struct err err;

static void make_library(const char *name)
{
    char own[PATH_MAX - 100];
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    cr_assert_gt(len, 0);
    own[len] = '\0';
    *strrchr(own, '/') = '\0';
    *strrchr(own, '/') = '\0';
    strcat(own, "/preload");
    mkdir(own, 0755);
    snprintf(library, sizeof library, "%s/%s", own, name);
    FILE *out = fopen(library, "w");
    cr_assert_not_null(out);
    fclose(out);
}

static void end(void)
{
    unlink(library);
}

static char *preload_for(enum live_elf_allocator allocator)
{
    struct live_elf program = {.is_elf = true, .allocator = allocator};
    char *preload = NULL;
    cr_assert_eq(live_library_preload(&program, &preload, &err), ERR_NONE, "%s", err.message);
    return preload;
}

TestSuite(live_library, .fini = end);

Test(live_library, it_stands_before_what_was_preloaded_already)
{
    make_library("liballoctrap.so");
    unsetenv("LD_PRELOAD");
    char *preload = preload_for(LIVE_ELF_LIBC);
    cr_assert_str_eq(preload, library);
    free(preload);
    setenv("LD_PRELOAD", "/lib/one.so:/lib/two.so", 1);
    preload = preload_for(LIVE_ELF_LIBC);
    cr_assert_eq(strncmp(preload, library, strlen(library)), 0);
    cr_assert_str_eq(preload + strlen(library), ":/lib/one.so:/lib/two.so");
    free(preload);
}

Test(live_library, the_variant_follows_the_programs_allocator)
{
    make_library("liballoctrap-jemalloc.so");
    unsetenv("LD_PRELOAD");
    char *preload = preload_for(LIVE_ELF_JEMALLOC);
    cr_assert_str_eq(preload, library);
    free(preload);
}

Test(live_library, an_allocator_that_is_preloaded_is_the_one_that_serves)
{
    make_library("liballoctrap-mimalloc.so");
    setenv("LD_PRELOAD", "/lib/one.so /usr/lib/libmimalloc.so.2", 1);
    char *preload = preload_for(LIVE_ELF_JEMALLOC);
    cr_assert_eq(strncmp(preload, library, strlen(library)), 0);
    free(preload);
}

Test(live_library, a_library_that_is_not_there_is_an_error_that_says_what_to_do)
{
    struct live_elf program = {.is_elf = true, .allocator = LIVE_ELF_TCMALLOC};
    char *preload = NULL;
    unsetenv("LD_PRELOAD");
    cr_assert_eq(live_library_preload(&program, &preload, &err), ERR_MISSING);
    cr_assert_str_eq(err.path, "liballoctrap-new.so");
    cr_assert_not_null(strstr(err.message, "meson install"));
}
