#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "story_profile.h"
#include "view/report.h"

static void check(char *text, const char *expected)
{
    cr_assert_str_eq(text, expected);
    free(text);
}

Test(report_words, nothing_lost_says_nothing)
{
    struct profile *p = story_profile(STORY_AFTER);
    check(report_loss_text(p), "");
    profile_destroy(p);
}

Test(report_words, every_loss_is_named_with_its_cause)
{
    struct profile *p = story_profile(STORY_AFTER);
    for (size_t i = 0; i < LOSS_COUNT; i++) {
        p->lost[i] = 1000 + i;
    }
    p->run.is_complete = false;
    char *text = report_loss_text(p);
    cr_assert_eq(strncmp(text, "INCOMPLETE: ", 12), 0);
#define LOSS_ROW(id, name, why) cr_assert_not_null(strstr(text, "(" name "): " why));
    SESSION_LOSS_TABLE(LOSS_ROW)
#undef LOSS_ROW
    free(text);
    p->run.counters_only = true;
    text = report_loss_text(p);
    cr_assert_eq(strncmp(text, "COUNTERS ONLY: ", 15), 0);
    free(text);
    profile_destroy(p);
}

Test(report_words, ends_are_said_in_words)
{
    check(report_exit_text(PROFILE_EXITED, 3), "exited with status 3");
    check(report_exit_text(PROFILE_EXITED, -1), "exited");
    check(report_exit_text(PROFILE_SIGNALED, 9), "killed by SIGKILL");
    check(report_exit_text(PROFILE_SIGNALED, 999), "killed by signal 999");
    check(report_exit_text(PROFILE_RUNNING, -1), "still running");
    check(report_exit_text(PROFILE_LOST, -1), "end not seen");
}

Test(report_words, commands_are_parted_by_spaces)
{
    check(report_command_text("ls\x1f-l\x1fx y"), "ls -l x y");
    check(report_command_text(NULL), "");
}
