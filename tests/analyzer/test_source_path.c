#include "symbol/source_path.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(source_path, one_name_for_one_file)
{
    static const char *const pairs[][2] = {{"/src/a.c", "/src/a.c"},
                                           {"/src//./lib/../a.c", "/src/a.c"},
                                           {"/src/lib/../../other/a.h", "/other/a.h"},
                                           {"/../../a.c", "/a.c"},
                                           {"../a.c", "../a.c"},
                                           {"./x/../../a.c", "../a.c"},
                                           {"../../x/..", "../.."},
                                           {"a/", "a"},
                                           {"/", "/"},
                                           {".", ""},
                                           {"", ""},
                                           {"/a/...b/..c", "/a/...b/..c"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *tidy = source_path_tidy(pairs[i][0]);
        cr_assert_str_eq(tidy, pairs[i][1], "%s", pairs[i][0]);
        free(tidy);
    }
}

static void check_find(const struct source_places *places, const char *path, const char *wanted)
{
    char *found = source_places_find(places, path);
    cr_assert_str_eq(found, wanted);
    free(found);
}

Test(source_path, the_first_map_that_holds_a_file_says_where_it_is)
{
    struct source_places places = {.sysroot = "/root"};
    cr_assert(source_places_map(&places, "/build/app/./=/home/me/app"));
    cr_assert(source_places_map(&places, "/build=/elsewhere/"));
    cr_assert(source_places_map(&places, ".=here=there"));
    check_find(&places, "/build/app/a.c", "/home/me/app/a.c");
    check_find(&places, "/build/application/a.c", "/elsewhere/application/a.c");
    check_find(&places, "/builder/a.c", "/root/builder/a.c");
    check_find(&places, "src/a.c", "here=there/src/a.c");
    source_places_finish(&places);
    check_find(&places, "/builder/a.c", "/builder/a.c");
    cr_assert(source_places_map(&places, "/=/all"));
    check_find(&places, "/usr/a.c", "/all/usr/a.c");
    source_places_finish(&places);
}

Test(source_path, a_map_has_two_sides)
{
    struct source_places places = {0};
    cr_assert(!source_places_map(&places, "/build"));
    cr_assert(!source_places_map(&places, "=/home"));
    cr_assert(!source_places_map(&places, "/build="));
    cr_assert_eq(places.map_count, 0);
}

Test(source_path, a_file_is_called_by_its_last_parts)
{
    cr_assert(source_path_is("/src/lib/a.c", "a.c"));
    cr_assert(source_path_is("/src/lib/a.c", "lib/a.c"));
    cr_assert(source_path_is("/src/lib/a.c", "/src/lib/a.c"));
    cr_assert(source_path_is("a.c", "a.c"));
    cr_assert(!source_path_is("/src/lib/a.c", "/lib/a.c"), "an absolute name is all of it");
    cr_assert(!source_path_is("/src/lib/ba.c", "a.c"));
    cr_assert(!source_path_is("a.c", "/src/a.c"));
    cr_assert(!source_path_is("/src/a.c", ""));
}
