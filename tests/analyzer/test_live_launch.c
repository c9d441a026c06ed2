#include "live/live_launch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct live_signals signals;
static struct live_launch launch;
static struct err err;

static void begin(void)
{
    cr_assert(live_signals_block(&signals));
}

static void end(void)
{
    live_signals_restore(&signals);
    live_signals_finish(&signals);
}

/* Runs a shell command to its end; the exit status as a shell says it. */
static int run(const char *command, const char *preload, const char *dir)
{
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(command), NULL};
    cr_assert_eq(live_launch_fork(&launch, argv, preload, &signals, &err), ERR_NONE);
    cr_assert_eq(live_launch_release(&launch, dir), 0);
    while (!live_launch_poll(&launch)) {
        usleep(100);
    }
    free(argv[2]);
    return live_launch_exit_status(&launch);
}

TestSuite(live_launch, .init = begin, .fini = end);

Test(live_launch, exit_statuses_are_those_of_a_shell)
{
    cr_assert_eq(run("exit 0", NULL, NULL), 0);
    cr_assert_eq(run("exit 77", NULL, NULL), 77);
    cr_assert_eq(run("kill -TERM $$", NULL, NULL), 128 + SIGTERM);
    cr_assert_eq(run("kill -KILL $$", NULL, NULL), 128 + SIGKILL);
    cr_assert_eq(live_launch_exec_status(ENOENT), 127);
    cr_assert_eq(live_launch_exec_status(EACCES), 126);
}

Test(live_launch, the_child_gets_the_preload_and_the_folder_or_neither)
{
    unsetenv("LD_PRELOAD");
    cr_assert_eq(run("test \"$LD_PRELOAD\" = libc.so.6 && test \"$ALLOCTRAP_SESSION\" = /s",
                     "libc.so.6", "/s"),
                 0);
    cr_assert_eq(run("test -z \"$LD_PRELOAD$ALLOCTRAP_SESSION\"", NULL, NULL), 0);
    cr_assert_eq(run("test -z \"$LD_PRELOAD$ALLOCTRAP_SESSION\"", "libc.so.6", NULL), 0);
    cr_assert_null(getenv("ALLOCTRAP_SESSION"), "our own environment stays");
}

Test(live_launch, the_child_has_the_signals_we_were_given_and_no_descriptor_of_ours)
{
    cr_assert_eq(run("test $(grep -c SigBlk:.*0000000000000000 /proc/self/status) = 1", NULL, NULL),
                 0, "blocked ones are open again");
    int ours = 0;
    for (int fd = 0; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);
        ours += flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }
    /* One more is the shell's own look into the folder. */
    cr_assert_leq(run("n=0; for f in /proc/$$/fd/*; do n=$((n+1)); done; exit $n", NULL, NULL),
                  ours + 1);
}

Test(live_launch, an_exec_that_fails_tells_its_errno)
{
    char *argv[] = {(char[]){"/no/such/program"}, NULL};
    cr_assert_eq(live_launch_fork(&launch, argv, NULL, &signals, &err), ERR_NONE);
    cr_assert_eq(live_launch_release(&launch, "/s"), ENOENT);
    cr_assert(launch.has_ended);
    char *folder[] = {(char[]){"/"}, NULL};
    cr_assert_eq(live_launch_fork(&launch, folder, NULL, &signals, &err), ERR_NONE);
    cr_assert_eq(live_launch_release(&launch, "/s"), EACCES);
}

Test(live_launch, a_child_that_is_not_let_go_runs_nothing)
{
    char *argv[] = {(char[]){"touch"}, (char[]){"launch-ran"}, NULL};
    cr_assert_eq(live_launch_fork(&launch, argv, NULL, &signals, &err), ERR_NONE);
    live_launch_cancel(&launch);
    cr_assert(launch.has_ended);
    cr_assert_neq(access("launch-ran", F_OK), 0);
}

Test(live_launch, programs_are_found_where_a_shell_finds_them)
{
    char path[PATH_MAX];
    cr_assert_eq(mkdir("launch-dir", 0755), 0);
    close(open("launch-dir/plain", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    close(open("launch-dir/sh", O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
    setenv("PATH", "/no/such/dir:launch-dir:/bin", 1);
    cr_assert(live_launch_find("sh", path, sizeof path));
    cr_assert_str_eq(path, "launch-dir/sh", "the first in PATH");
    cr_assert_not(live_launch_find("plain", path, sizeof path));
    cr_assert_eq(errno, EACCES, "there, but not a program");
    cr_assert_not(live_launch_find("no-such-program", path, sizeof path));
    cr_assert_eq(errno, ENOENT);
    cr_assert_not(live_launch_find("", path, sizeof path));
    cr_assert_not(live_launch_find("./launch-dir", path, sizeof path));
    cr_assert_eq(errno, EACCES, "a folder");
    cr_assert(live_launch_find("launch-dir/sh", path, sizeof path));
    unlink("launch-dir/plain");
    unlink("launch-dir/sh");
    rmdir("launch-dir");
}
