#include "symbol/cache.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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

static char *only_file(void)
{
    char *path =
        mem_format("%s/alloctrap/symbols/ab01020304050607080000000000000000000000.sqlite", folder);
    cr_assert_eq(access(path, R_OK), 0);
    return path;
}

static bool has(uint64_t address)
{
    size_t seen = 0;
    struct cache *cache = cache_open(build_id, sizeof build_id, 0);
    cr_assert_not_null(cache);
    bool is_found = cache_find(cache, address, 5, check_lines, &seen);
    cr_assert_eq(seen, is_found);
    cache_close(cache);
    return is_found;
}

static void add(uint64_t first, uint64_t count)
{
    struct cache *cache = cache_open(build_id, sizeof build_id, 0);
    cr_assert_not_null(cache);
    for (uint64_t i = 0; i < count; i++) {
        cache_add(cache, first + i, two_lines, 2, true);
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

static void count_one(void *context, const struct worker_answer *answer)
{
    cr_assert_eq(answer->count, 1);
    *(size_t *)context += 1;
}

static bool has_unsure(uint64_t address, uint64_t stamp)
{
    size_t seen = 0;
    struct cache *cache = cache_open(build_id, sizeof build_id, stamp);
    bool is_found = cache_find(cache, address, 5, count_one, &seen);
    cache_found(cache);
    cache_close(cache);
    cr_assert_eq(seen, is_found);
    return is_found;
}

Test(cache, an_answer_that_could_get_better_is_good_while_nothing_has_changed)
{
    static const struct worker_line lines[] = {{"of_the_symbol_table", "", "", 0, false},
                                               {"", "", "", 0, false}};
    for (uint64_t stamp = 0; stamp < 3; stamp += 2) {
        struct cache *cache = cache_open(build_id, sizeof build_id, stamp);
        cache_add(cache, 10 + stamp, &lines[0], 1, false);
        cache_add(cache, 20 + stamp, &lines[1], 1, false);
        cache_close(cache);
    }
    cr_assert(has_unsure(12, 2) && has_unsure(22, 2));
    cr_assert_not(has_unsure(12, 3) || has_unsure(22, 3), "something has changed");
    cr_assert_not(has_unsure(12, 0) || has_unsure(22, 0), "that cannot be told");
    cr_assert_not(has_unsure(10, 0) || has_unsure(10, 2) || has_unsure(20, 0), "nor then");
    add(12, 1);
    cr_assert(has(12), "what came is better, and of more lines");
}

/* A recorder that is stopped while it writes must not stop all others, two seconds an address. */
Test(cache, one_that_another_keeps_is_left_alone)
{
    add(1, 1);
    char *path = only_file();
    sqlite3 *other = NULL;
    struct cache *reader = cache_open(build_id, sizeof build_id, 0);
    struct cache *writer = cache_open(build_id, sizeof build_id, 0);
    cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    for (uint64_t i = 0; i < 100; i++) {
        cr_assert_not(cache_find(reader, 1, 5, check_lines, NULL));
        cache_add(writer, 2 + i, two_lines, 2, true);
    }
    cache_found(reader);
    sqlite3_close(other);
    cache_close(reader);
    cache_close(writer);
    cr_assert(has(1));
    cr_assert_not(has(2));
    free(path);
}

/* A file of that size, last used so long ago. */
static char *make_old(const char *name, off_t bytes, time_t age_s)
{
    char *path = mem_format("%s/alloctrap/symbols/%s", folder, name);
    struct timespec times[2] = {{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(ftruncate(fd, bytes), 0);
    cr_assert_eq(futimens(fd, times), 0);
    close(fd);
    return path;
}

Test(cache, what_was_not_used_for_long_makes_room)
{
    add(1, 1);
    char *oldest = make_old("oldest.sqlite", 1 << 20, 300);
    char *older = make_old("older.sqlite", 150 << 20, 200);
    char *newer = make_old("newer.sqlite", 200 << 20, 100);
    cr_assert(has(1));
    cr_assert_eq(access(oldest, F_OK), 0, "nothing was added");
    add(2, 1);
    cr_assert_eq(access(oldest, F_OK), -1);
    cr_assert_eq(access(older, F_OK), -1, "the oldest alone was not enough");
    cr_assert_eq(access(newer, F_OK), 0);
    cr_assert(has(1) && has(2));
    free(oldest);
    free(older);
    free(newer);
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
    cr_assert_null(cache_open(build_id, sizeof build_id, 0));
    unsetenv("ALLOCTRAP_SYMBOL_CACHE");
    cr_assert_null(cache_open(build_id, 0, 0), "no build-id, no cache");
    cr_assert_null(cache_open(build_id, 4, 0), "too short to be one of its kind");
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
    cr_assert_null(cache_open(build_id, sizeof build_id, 0));
    free(path);
}
