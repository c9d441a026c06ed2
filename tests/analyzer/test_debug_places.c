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
