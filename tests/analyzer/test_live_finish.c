#include "live/live_finish.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/live_build.h"
#include "session_image.h"

static char path[IMAGE_NAME_BYTES];
static struct live_dir dir;
static struct live_recorder *recorder;
static struct err err;

static void begin(void)
{
    session_image_make_dir(path);
    session_image_write_control(path, 1000);
    cr_assert_eq(live_dir_open(&dir, path, true, &err), ERR_NONE, "%s", err.message);
    recorder = live_recorder_create(&dir, NULL, false);
}

static void end(void)
{
    live_recorder_destroy(recorder);
    live_dir_close(&dir);
    session_image_remove_dir(path);
}

TestSuite(live_finish, .init = begin, .fini = end);

Test(live_finish, arguments_are_joined_whatever_is_in_them)
{
    char *const argv[] = {(char[]){"a b"}, (char[]){""}, (char[]){"--x=\"y\""}, NULL};
    char *joined = live_finish_join(argv);
    cr_assert_str_eq(joined, "a b\x1f\x1f--x=\"y\"");
    free(joined);
    char *const none[] = {NULL};
    joined = live_finish_join(none);
    cr_assert_str_eq(joined, "");
    free(joined);
}

Test(live_finish, a_run_says_who_made_it_and_how)
{
    live_finish_describe(recorder, "the\x1f"
                                   "command");
    const struct profile_run *run = &recorder->profile->run;
    cr_assert_str_eq(run->command, "the\x1f"
                                   "command");
    cr_assert_eq(strlen(run->id), 32);
    cr_assert_neq(run->host[0], '\0');
    cr_assert_str_eq(run->tool_version, LIVE_BUILD_VERSION);
    cr_assert_str_eq(run->settings,
                     "depth=512 latency=on slow-causes=off free-stacks=on on-full=wait follow=all "
                     "stacks=walk clock=monotonic");
}

Test(live_finish, runs_have_ids_of_their_own)
{
    live_finish_describe(recorder, "x");
    char first[64];
    snprintf(first, sizeof first, "%s", recorder->profile->run.id);
    live_finish_describe(recorder, "x");
    cr_assert_str_neq(first, recorder->profile->run.id);
}

Test(live_finish, settings_of_a_hostile_control_file_are_told_as_unknown)
{
    dir.control->stacks_by = 200;
    dir.control->clock.kind = 99;
    live_finish_describe(recorder, "x");
    cr_assert_not_null(strstr(recorder->profile->run.settings, "stacks=?"));
}

Test(live_finish, without_a_command_it_is_the_first_processes)
{
    live_finish_describe(recorder, NULL);
    cr_assert_str_eq(recorder->profile->run.command, "");
    MEM_PUSH(&recorder->profile->processes)->command = "first";
    live_finish_describe(recorder, NULL);
    cr_assert_str_eq(recorder->profile->run.command, "first");
}
