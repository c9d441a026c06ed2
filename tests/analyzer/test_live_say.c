#include "live/live_say.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>

static struct profile *profile;

static void begin(void)
{
    cr_redirect_stderr();
    profile = profile_create();
    profile->calls[CALL_MALLOC].calls = 12000;
    profile->calls[CALL_FREE].calls = 345;
    profile->totals.allocs = 12000;
}

static void end(void)
{
    profile_destroy(profile);
}

TestSuite(live_say, .init = begin, .fini = end);

Test(live_say, the_last_line_says_where_how_much_and_that_nothing_was_lost)
{
    live_say_done(profile, "run.atrap");
    fflush(stderr);
    cr_assert_stderr_eq_str("alloctrap: run.atrap: 12,345 calls (12.0 k allocations), nothing "
                            "lost; see it with: alloctrap report run.atrap\n");
}

static void say_done_after(uint64_t mallocs)
{
    profile->calls[CALL_MALLOC].calls = mallocs;
    profile->calls[CALL_FREE].calls = 0;
    profile->totals.allocs = mallocs;
    live_say_done(profile, "run.atrap");
    fflush(stderr);
}

Test(live_say, one_is_one)
{
    say_done_after(1);
    cr_assert_stderr_eq_str("alloctrap: run.atrap: 1 call (1 allocation), nothing lost; see it "
                            "with: alloctrap report run.atrap\n");
}

Test(live_say, where_there_is_nothing_nobody_is_sent_to_look)
{
    say_done_after(0);
    cr_assert_stderr_eq_str("alloctrap: run.atrap: 0 calls (0 allocations), nothing lost\n");
}

Test(live_say, losses_come_first_with_each_cause)
{
    profile->lost[LOSS_RING_FULL] = 1000;
    profile->lost[LOSS_NESTED] = 7;
    live_say_done(profile, "run.atrap");
    fflush(stderr);
    cr_assert_stderr_eq_str(
        "alloctrap: run.atrap: 1,007 not recorded (1,000: the recorder did not keep up; totals are "
        "exact; 7: calls from a signal handler inside a hook; totals are exact); 12,345 calls "
        "(12.0 k allocations); see it with: alloctrap report run.atrap\n");
}

Test(live_say, names_cannot_steer_the_terminal)
{
    live_say_nothing("evil\x1b[2Jname", "it is so", false);
    fflush(stderr);
    cr_assert_stderr_eq_str("alloctrap: nothing was recorded of 'evil\\x1b[2Jname': it is so\n");
}

Test(live_say, a_program_that_runs_without_us_is_told_apart)
{
    live_say_nothing("prog", "it is so", true);
    fflush(stderr);
    cr_assert_stderr_eq_str("alloctrap: 'prog' runs without being recorded: it is so\n");
}

Test(live_say, processes_that_still_run_are_named_up_to_eight)
{
    struct live_session sessions[9] = {0};
    struct live_recorder *recorder = mem_zero(1, sizeof *recorder);
    for (uint32_t i = 0; i < 9; i++) {
        sessions[i].pid = 100 + i;
        *MEM_PUSH(&recorder->sessions) = &sessions[i];
    }
    live_say_still_running(recorder);
    recorder->sessions.count = 1;
    live_say_still_running(recorder);
    fflush(stderr);
    cr_assert_stderr_eq_str(
        "alloctrap: the command has ended; still recording 9 processes it started (100, 101, 102, "
        "103, 104, 105, 106, 107, ...); Ctrl-C finishes now\n"
        "alloctrap: the command has ended; still recording 1 process it started (100); Ctrl-C "
        "finishes now\n");
    free(recorder->sessions.at);
    free(recorder);
}

Test(live_say, warnings_are_told_only_when_there_are_any)
{
    struct live_recorder *recorder = mem_zero(1, sizeof *recorder);
    live_say_warnings(recorder);
    recorder->never_ready = 2;
    err_set(&recorder->session_err, ERR_FORMAT, "7.session", "not a session file of alloctrap");
    recorder->mismatches = 1;
    live_say_warnings(recorder);
    fflush(stderr);
    cr_assert_stderr_eq_str(
        "alloctrap: 2 sessions were not recorded; the first: 7.session: not a session file of "
        "alloctrap\n"
        "alloctrap: warning: in 1 process the events seen and lost are not those that were "
        "counted; the totals are the counters', please report this\n");
    free(recorder);
}
