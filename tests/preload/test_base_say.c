#include "base_say.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What is written to standard error, which is a pipe meanwhile. */
static const char *said(const char *why, const char *what, const char *advice)
{
    static char text[2048];
    int ends[2];
    int kept = dup(STDERR_FILENO);
    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    say_not_recording(why, what, advice);
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t count = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    cr_assert_geq(count, 0);
    text[count] = '\0';
    return text;
}

Test(base_say, one_line_says_why_what_and_what_to_do)
{
    cr_assert_str_eq(said("no room", "/tmp/x", "free some"),
                     "alloctrap: not recording: no room (/tmp/x); free some\n");
    cr_assert_str_eq(said("no room", "", "free some"),
                     "alloctrap: not recording: no room; free some\n");
}

Test(base_say, a_long_line_is_cut_never_overrun)
{
    static char longest[5000];
    memset(longest, 'x', sizeof longest - 1);
    cr_assert_lt(strlen(said("no room", longest, "free some")), 600);
}

Test(base_say, errno_stays_also_when_nobody_listens)
{
    int kept = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = 77;
    say_not_recording("no room", "", "free some");
    int after = errno;
    dup2(kept, STDERR_FILENO);
    cr_assert_eq(after, 77);
}
