#include "live/live_find.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/alloctrap-find-XXXXXX";

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void tear_down(void)
{
    (void)!rmdir("a.atrap.session");
    (void)!rmdir("b.atrap.session");
    (void)!chdir("/");
    (void)!rmdir(folder);
}

TestSuite(live_find, .init = set_up, .fini = tear_down);

Test(live_find, a_folder_is_taken_as_it_is)
{
    char *dir = NULL;
    cr_assert_eq(live_find("some/where", &dir, NULL), ERR_NONE);
    cr_assert_str_eq(dir, "some/where");
    free(dir);
}

Test(live_find, the_only_one_here_needs_no_name)
{
    char *dir = NULL;
    struct err err = {0};
    cr_assert_eq(live_find(NULL, &dir, &err), ERR_USAGE);
    cr_assert_not_null(strstr(err.message, "no recording is running"));
    cr_assert_eq(mkdir("a.atrap.session", 0700), 0);
    cr_assert_eq(live_find(NULL, &dir, &err), ERR_NONE);
    cr_assert_str_eq(dir, "a.atrap.session");
    free(dir);
    cr_assert_eq(mkdir("b.atrap.session", 0700), 0);
    cr_assert_eq(live_find(NULL, &dir, &err), ERR_USAGE);
    cr_assert_not_null(strstr(err.message, "2 recordings"));
}

Test(live_find, a_process_that_is_not_recorded_is_told)
{
    char pid[32];
    char *dir = NULL;
    struct err err = {0};
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    cr_assert_eq(live_find(pid, &dir, &err), ERR_MISSING);
    cr_assert_not_null(strstr(err.message, pid));
    cr_assert_eq(live_find("99999999999999999999", &dir, &err), ERR_MISSING);
}
