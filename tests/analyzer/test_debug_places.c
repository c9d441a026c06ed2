#include "symbol/debug_places.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { LATER_S = 60 };

static const uint8_t build_id[20] = {0xab, 1, 2, 3, 4, 5, 6, 7, 8};
static char folder[] = "/tmp/test_places-XXXXXX";
static char *file;
static char *link_to_file;

static void write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
}

/* FOLDER/bin/file, and a link to it from beside its folder. */
static void make_file(void)
{
    cr_assert_not_null(mkdtemp(folder));
    char *bin = mem_format("%s/bin", folder);
    file = mem_format("%s/file", bin);
    link_to_file = mem_format("%s/link", folder);
    cr_assert_eq(mkdir(bin, 0700), 0);
    write_text(file, "one");
    cr_assert_eq(symlink("bin/file", link_to_file), 0);
    free(bin);
}

static void remove_folder(void)
{
    char *command = mem_format("rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    free(command);
    free(file);
    free(link_to_file);
}

TestSuite(debug_places, .init = make_file, .fini = remove_folder, .timeout = 60);

static uint64_t stamp_of(const char *path)
{
    return debug_places_stamp(path, build_id, sizeof build_id, time(NULL) + LATER_S);
}

Test(debug_places, is_the_same_while_nothing_changes)
{
    uint64_t stamp = stamp_of(file);
    cr_assert_neq(stamp, 0);
    cr_assert_eq(stamp_of(file), stamp);
    cr_assert_neq(stamp_of(link_to_file), 0);
    cr_assert_neq(debug_places_stamp("/bin/sh", build_id, sizeof build_id, time(NULL) + LATER_S),
                  stamp);
}

Test(debug_places, changes_when_a_debug_file_may_have_come)
{
    static const char *const names[] = {"file.debug", ".debug/file.debug"};
    char *beside = mem_format("%s/bin/.debug", folder);
    uint64_t linked = stamp_of(link_to_file);
    uint64_t stamp = stamp_of(file);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = mem_format("%s/bin/%s", folder, names[i]);
        write_text(path, "debug");
        cr_assert_neq(stamp_of(file), stamp, "%s", path);
        cr_assert_neq(stamp_of(link_to_file), linked, "%s, beside what a link leads to", path);
        cr_assert(i == 1 || mkdir(beside, 0700) == 0);
        stamp = stamp_of(file);
        linked = stamp_of(link_to_file);
        usleep(20000); /* the kernel's clock of files goes by ticks */
        free(path);
    }
    free(beside);
}

Test(debug_places, changes_when_the_file_is_another)
{
    uint64_t stamp = stamp_of(file);
    write_text(file, "longer than it was");
    cr_assert_neq(stamp_of(file), stamp);
}

Test(debug_places, is_none_where_it_cannot_be_told)
{
    time_t later_s = time(NULL) + LATER_S;
    cr_assert_eq(debug_places_stamp(file, build_id, sizeof build_id, time(NULL)), 0,
                 "changed just now");
    cr_assert_eq(debug_places_stamp("/no/such/file", build_id, sizeof build_id, later_s), 0);
    cr_assert_eq(debug_places_stamp("bin/file", build_id, sizeof build_id, later_s), 0);
    cr_assert_eq(debug_places_stamp(file, build_id, 0, later_s), 0);
}

static bool has(const char *path, const char *debuglink)
{
    struct object_sources sources = {.sysroot = NULL, .debug_dir = folder};
    return debug_places_have(path, debuglink, &sources);
}

/* PATH in the folder, with the folders on its way. */
static void put(const char *path)
{
    char *command =
        mem_format("mkdir -p $(dirname %s/%s) && touch %s/%s", folder, path, folder, path);
    cr_assert_eq(system(command), 0);
    free(command);
}

Test(debug_places, have_a_file_of_the_link_s_name)
{
    char *by_whole_name = mem_format("%s/bin/by_whole_name", folder + 1);
    cr_assert_not(has(file, "beside") || has(file, NULL));
    put("bin/beside");
    put("bin/.debug/below");
    put("bin/by_end_of_name");
    put("in_the_root");
    put(by_whole_name);
    put("bin/file.debug");
    cr_assert(has(file, "beside") && has(link_to_file, "beside"));
    cr_assert(has(file, "below"));
    cr_assert(has(file, "by_end_of_name"));
    cr_assert(has(file, "in_the_root"));
    cr_assert(has(file, "by_whole_name"));
    cr_assert(has(file, NULL), "the file's own name and .debug");
    cr_assert_not(has(file, "in/the/root"));
    cr_assert(has("file", "any"), "not to be told of a relative name");
    free(by_whole_name);
}
