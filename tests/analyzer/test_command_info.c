/* The commands info and merge, as main() calls them. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "sample_profile.h"
#include "store/store.h"

static char folder[64];

static void enter_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/test_info-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(command_info, .init = enter_folder, .fini = leave_folder);

static void save_run(const char *path, const char *run_id)
{
    struct err err = {0};
    struct store *store = NULL;
    struct profile *profile = sample_profile(10);
    profile->run.id = run_id;
    cr_assert_eq(store_create(path, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_save(store, profile, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_close(store, &err), ERR_NONE);
    profile_destroy(profile);
}

static enum err_code run(command_run *command, const char *const *words, struct err *reterr)
{
    char *argv[8] = {NULL};
    int argc = 0;
    int status = -1;
    for (; words[argc] != NULL; argc++) {
        argv[argc] = strdup(words[argc]);
    }
    enum err_code code = command(argc, argv, &status, reterr);
    cr_assert(code != ERR_NONE || status == 0);
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    return code;
}

#define RUN(command, reterr, ...) run(command, (const char *const[]){__VA_ARGS__, NULL}, reterr)

Test(command_info, says_what_a_recording_is)
{
    struct err err = {0};
    char text[4096];
    save_run("a.atrap", "aa");
    cr_redirect_stdout();
    cr_assert_eq(RUN(command_info, &err, "info", "a.atrap"), ERR_NONE, "%s", err.message);
    fflush(stdout);
    FILE *out = cr_get_redirected_stdout();
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    cr_assert_not_null(strstr(text, "a.atrap, format 1"));
    cr_assert_not_null(strstr(text, "parser --fast"));
    cr_assert_not_null(strstr(text, "LOST 42 events"));
    cr_assert_not_null(strstr(text, "10 call sites"));
    cr_assert_not_null(strstr(text, "killed by SIGKILL"));
    cr_assert_not_null(strstr(text, "\\xff\\xfe"), "bytes that are not text are escaped");
    cr_assert_null(strchr(text, '\x1f'));
}

Test(command_info, bad_usage_and_files_are_told_apart)
{
    struct err err = {0};
    cr_assert_eq(RUN(command_info, &err, "info"), ERR_USAGE);
    cr_assert_eq(RUN(command_info, &err, "info", "a", "b"), ERR_USAGE);
    cr_assert_eq(RUN(command_info, &err, "info", "--wrong", "b"), ERR_USAGE);
    cr_assert_eq(RUN(command_info, &err, "info", "none.atrap"), ERR_MISSING);
    cr_assert_eq(RUN(command_merge, &err, "merge", "a.atrap"), ERR_USAGE);
    cr_assert_eq(RUN(command_merge, &err, "merge", "-o", "x.atrap"), ERR_USAGE);
    cr_assert_eq(RUN(command_merge, &err, "merge", "-o"), ERR_USAGE);
    cr_assert_eq(RUN(command_merge, &err, "merge", "none.atrap", "-o", "x.atrap"), ERR_MISSING);
    cr_assert_neq(access("x.atrap", F_OK), 0);
}

Test(command_info, merged_recordings_add_up)
{
    struct err err = {0};
    struct profile *one = NULL;
    struct profile *sum = NULL;
    save_run("a.atrap", "aa");
    save_run("b.atrap", "bb");
    save_run("c.atrap", "cc");
    cr_assert_eq(
        RUN(command_merge, &err, "merge", "a.atrap", "b.atrap", "c.atrap", "-o", "s.atrap"),
        ERR_NONE, "%s", err.message);
    cr_assert_eq(store_load("a.atrap", &one, &err), ERR_NONE);
    cr_assert_eq(store_load("s.atrap", &sum, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(sum->run.merged_runs, 3);
    cr_assert_eq(sum->calls[CALL_MALLOC].calls, 3 * one->calls[CALL_MALLOC].calls);
    cr_assert_eq(sum->sites.count, one->sites.count);
    cr_assert_eq(sum->sites.at[4].bytes, 3 * one->sites.at[4].bytes);
    cr_assert_eq(sum->call_latency[CALL_FREE].count, 3 * one->call_latency[CALL_FREE].count);
    profile_destroy(one);
    profile_destroy(sum);
}

Test(command_info, one_run_is_not_added_twice)
{
    struct err err = {0};
    save_run("a.atrap", "aa");
    save_run("b.atrap", "aa");
    cr_assert_eq(RUN(command_merge, &err, "merge", "a.atrap", "b.atrap", "-o", "s.atrap"),
                 ERR_USAGE);
    cr_assert_not_null(strstr(err.message, "given twice"));
}
