#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "budget/budget_glob.h"

Test(budget_glob, stars_and_alternatives_match_whole_names)
{
    cr_assert(budget_glob_matches("parse_*", "parse_line"));
    cr_assert(!budget_glob_matches("parse_", "parse_line"));
    cr_assert(budget_glob_matches("malloc|calloc", "calloc"));
    cr_assert(!budget_glob_matches("malloc|calloc", "realloc"));
    cr_assert(budget_glob_matches("lib[ab]?.so*", "liba1.so.3"));
}

Test(budget_glob, arguments_and_templates_may_be_left_off)
{
    const char *name = "std::vector<int, std::allocator<int> >::push_back(int const&)";
    cr_assert(budget_glob_matches_function("std::vector*", name));
    cr_assert(budget_glob_matches_function("std::vector::push_back", name));
    cr_assert(
        budget_glob_matches_function("std::vector<int, std::allocator<int> >::push_back", name));
    cr_assert(!budget_glob_matches_function("std::vector::push", name));
    cr_assert(budget_glob_matches_function("f", "f(int (*)(char))"));
    cr_assert(budget_glob_matches_function("ns::g", "ns::g(int) const"));
}

Test(budget_glob, paths_match_by_folders_from_anywhere)
{
    cr_assert(budget_glob_matches_path("src/parse/**", "/home/x/src/parse/deep/a.c"));
    cr_assert(budget_glob_matches_path("src/*.c", "/home/x/build/../src/a.c"));
    cr_assert(!budget_glob_matches_path("src/*.c", "/home/x/src/parse/a.c"));
    cr_assert(!budget_glob_matches_path("/src/**", "/home/x/src/a.c"));
    cr_assert(budget_glob_matches_path("/home/**/a.c", "/home/x/src/a.c"));
    cr_assert(!budget_glob_matches_path("**", ""));
}

Test(budget_glob, patterns_that_cannot_be_meant_are_refused)
{
    char stars[40];
    memset(stars, '*', sizeof stars - 1);
    stars[sizeof stars - 1] = '\0';
    cr_assert_not_null(budget_glob_check(""));
    cr_assert_not_null(budget_glob_check("re:^x"));
    cr_assert_not_null(budget_glob_check(stars));
    cr_assert_null(budget_glob_check("a*|b*"));
}

/* What takes a backtracking matcher years takes this one a moment. */
Test(budget_glob, the_worst_allowed_pattern_is_quick, .timeout = 20)
{
    char *name = mem_zero(1024, 1);
    char *path = mem_text("");
    memset(name, 'a', 1023);
    for (int i = 0; i < 60; i++) {
        char *longer = mem_format("%s/aaaaaaaaaaaaaaaa", path);
        free(path);
        path = longer;
    }
    cr_assert(!budget_glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", name));
    cr_assert(!budget_glob_matches("*(a|aa)*(a|aa)*(a|aa)b", name));
    cr_assert(!budget_glob_matches_path("**/a*/**/a*/**/a*/**/a*/b", path));
    free(path);
    free(name);
}
