#include "symbol/cache.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static const uint8_t build_id[20] = {0xab, 1, 2, 3, 4, 5, 6, 7, 8};
static const struct worker_line two_lines[2] = {{"inner()", "_Z5innerv", "/a.c", 7, true},
                                                {"outer", "", "/b.c", 9, false}};
static char folder[] = "/tmp/test_cache-XXXXXX";

static void use_new_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    setenv("XDG_CACHE_HOME", folder, 1);
    unsetenv("ALLOCTRAP_SYMBOL_CACHE");
}

static void remove_folder(void)
{
    char *command = mem_format("rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    free(command);
}

TestSuite(cache, .init = use_new_folder, .fini = remove_folder, .timeout = 60);

static void check_lines(void *context, const struct worker_answer *answer)
{
    size_t *seen = context;
    cr_assert_eq(answer->index, 5);
    cr_assert_eq(answer->count, 2);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_str_eq(answer->lines[i].function, two_lines[i].function);
        cr_assert_str_eq(answer->lines[i].linked, two_lines[i].linked);
        cr_assert_str_eq(answer->lines[i].file, two_lines[i].file);
        cr_assert_eq(answer->lines[i].line, two_lines[i].line);
        cr_assert_eq(answer->lines[i].is_inlined, two_lines[i].is_inlined);
    }
    *seen += 1;
}

static bool has(uint64_t address)
{
    size_t seen = 0;
    struct cache *cache = cache_open(build_id, sizeof build_id);
    cr_assert_not_null(cache);
    bool is_found = cache_find(cache, address, 5, check_lines, &seen);
    cr_assert_eq(seen, is_found);
    cache_close(cache);
    return is_found;
}

static void add(uint64_t first, uint64_t count)
{
    struct cache *cache = cache_open(build_id, sizeof build_id);
    cr_assert_not_null(cache);
    for (uint64_t i = 0; i < count; i++) {
        cache_add(cache, first + i, two_lines, 2);
    }
    cache_close(cache);
}

Test(cache, what_was_added_is_found_by_the_next)
{
    cr_assert_not(has(0x1234));
    add(0x1234, 1);
    add(UINT64_MAX, 1);
    cr_assert(has(0x1234));
    cr_assert(has(UINT64_MAX));
    cr_assert_not(has(0x1235));
}

Test(cache, two_writers_keep_both_their_answers)
{
    for (int child = 0; child < 2; child++) {
        if (fork() == 0) {
            for (uint64_t i = 0; i < 20; i++) {
                add((uint64_t)child * 1000 + i * 10, 11); /* the two overlap with themselves */
            }
            _exit(0);
        }
    }
    int status = 0;
    while (wait(&status) > 0) {
        cr_assert_eq(status, 0);
    }
    for (uint64_t i = 0; i < 200; i++) {
        cr_assert(has(i) && has(1000 + i), "%d", (int)i);
    }
}

Test(cache, can_be_turned_off)
{
    setenv("ALLOCTRAP_SYMBOL_CACHE", "off", 1);
    cr_assert_null(cache_open(build_id, sizeof build_id));
    unsetenv("ALLOCTRAP_SYMBOL_CACHE");
    cr_assert_null(cache_open(build_id, 0), "no build-id, no cache");
    cr_assert_null(cache_open(build_id, 4), "too short to be one of its kind");
}

static char *only_file(void)
{
    char *path =
        mem_format("%s/alloctrap/symbols/ab01020304050607080000000000000000000000.sqlite", folder);
    cr_assert_eq(access(path, R_OK), 0);
    return path;
}

Test(cache, a_damaged_file_is_thrown_away)
{
    add(1, 500);
    char *path = only_file();
    FILE *out = fopen(path, "w");
    for (int i = 0; i < 4000; i++) {
        fputs("no database", out);
    }
    fclose(out);
    cr_assert_not(has(1));
    add(1, 1);
    cr_assert(has(1));
    free(path);
}

Test(cache, a_folder_that_others_can_change_is_not_used)
{
    char *path = mem_format("%s/alloctrap/symbols", folder);
    add(1, 1);
    cr_assert_eq(chmod(path, 0777), 0);
    cr_assert_null(cache_open(build_id, sizeof build_id));
    free(path);
}
