#include "base_env.h"
#include "base_mem.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(base_env, a_variable_is_found_by_its_whole_name)
{
    setenv("ATRAP_X", "1", 1);
    setenv("ATRAP_XY", "2", 1);
    cr_assert_str_eq(env_get("ATRAP_XY"), "2");
    cr_assert_null(env_get("ATRAP_"));
}

Test(base_env, a_set_variable_is_seen_by_getenv)
{
    cr_assert(env_set("ATRAP_SET=yes"));
    cr_assert_str_eq(getenv("ATRAP_SET"), "yes");
    cr_assert_not_null(getenv("PATH"));
}

Test(base_env, the_recorders_environment_has_no_preload)
{
    setenv("LD_PRELOAD", "x.so", 1);
    setenv("ALLOCTRAP_SESSION", "dir", 1);
    size_t bytes = 0;
    char **clean = env_copy_clean(&bytes);
    size_t count = 0;
    for (; clean[count] != NULL; count++) {
        cr_assert_neq(strncmp(clean[count], "LD_PRELOAD=", 11), 0);
        cr_assert_neq(strncmp(clean[count], "ALLOCTRAP_SESSION=", 18), 0);
    }
    cr_assert_gt(count, 0);
    mem_unmap(clean, bytes);
}

Test(base_env, relative_paths_become_absolute_and_cut_ones_say_so)
{
    char path[256];
    char short_path[8];
    char wanted[300];
    cr_assert_eq(chdir("/usr"), 0);
    env_absolute("lib/x", path, sizeof path);
    cr_assert_str_eq(path, "/usr/lib/x");
    env_absolute("/a", path, sizeof path);
    cr_assert_str_eq(path, "/a");
    env_absolute("/a/long/name", short_path, sizeof short_path);
    cr_assert_str_eq(short_path, "/a/l...");
    env_program_path(wanted, sizeof wanted);
    cr_assert_not_null(strstr(wanted, "test_base_env"));
}

Test(base_env, random_numbers_differ)
{
    cr_assert_neq(env_random(), env_random());
}
