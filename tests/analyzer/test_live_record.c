#include "live/live_record.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What needs the library is tested from outside, by tests/e2e: a test's folder has none beside it
 * that works. Here: what must not come so far. */
static const struct live_record_options options = {
    .output = "test_live_record.atrap",
    .is_quiet = true,
    .settings = {.depth_max = 16, .latency_on = true, .follow_on = true}};
static struct err err;

static int status_of(const char *name)
{
    char *argv[] = {strdup(name), NULL};
    int status = -1;
    cr_redirect_stderr();
    cr_assert_eq(live_record(&options, argv, &status, &err), ERR_NONE, "%s", err.message);
    free(argv[0]);
    return status;
}

Test(live_record, a_command_that_is_nowhere_is_127_and_leaves_nothing)
{
    cr_assert_eq(status_of("no-such-program"), 127);
    cr_assert_eq(status_of("./no-such-program"), 127);
    cr_assert_neq(access(options.output, F_OK), 0);
    cr_assert_neq(access("test_live_record.atrap.session", F_OK), 0);
}

Test(live_record, what_is_no_program_is_126_and_leaves_nothing)
{
    cr_assert_eq(status_of("/dev/null"), 126);
    cr_assert_eq(status_of("/"), 126);
    cr_assert_neq(access(options.output, F_OK), 0);
}
