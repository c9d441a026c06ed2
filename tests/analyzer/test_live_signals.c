#include "live/live_signals.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct live_signals signals;

static void begin(void)
{
    signal(SIGHUP, SIG_DFL); /* nohup ignores it, and children wait for it here */
    cr_assert(live_signals_block(&signals));
}

static void end(void)
{
    live_signals_restore(&signals);
    live_signals_finish(&signals);
}

/* A child with the signals we were given, which waits for one. */
static pid_t start_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        live_signals_restore(&signals);
        for (;;) {
            pause();
        }
    }
    return child;
}

static int end_of(pid_t child)
{
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static bool has_signal(void)
{
    struct pollfd waiting = {.fd = signals.fd, .events = POLLIN};
    return poll(&waiting, 1, 0) == 1;
}

TestSuite(live_signals, .init = begin, .fini = end);

Test(live_signals, what_is_sent_to_us_goes_on_to_the_host)
{
    const int numbers[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGRTMIN + 1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        pid_t child = start_child();
        kill(getpid(), numbers[i]);
        cr_assert(has_signal());
        live_signals_read(&signals, child);
        cr_assert_eq(end_of(child), numbers[i]);
        cr_assert_not(signals.is_ending);
    }
}

Test(live_signals, a_value_sent_with_a_signal_goes_with_it)
{
    pid_t child = fork();
    if (child == 0) {
        sigset_t wanted;
        siginfo_t info;
        sigemptyset(&wanted);
        sigaddset(&wanted, SIGUSR1); /* still blocked: it waits for it */
        sigwaitinfo(&wanted, &info);
        _exit(info.si_value.sival_int == 42 ? 42 : 1);
    }
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 42});
    live_signals_read(&signals, child);
    int status = 0;
    waitpid(child, &status, 0);
    cr_assert_eq(WEXITSTATUS(status), 42);
}

Test(live_signals, once_the_host_has_ended_a_signal_ends_the_recording)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGWINCH);
    live_signals_read(&signals, 0);
    cr_assert_not(signals.is_ending);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        signals.is_ending = false;
        kill(getpid(), numbers[i]);
        live_signals_read(&signals, 0);
        cr_assert(signals.is_ending);
    }
}

Test(live_signals, faults_and_stops_are_not_ours_to_take)
{
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGTSTP, SIGCONT};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        cr_assert_eq(sigismember(&now, open[i]), 0);
    }
    cr_assert_eq(sigismember(&now, SIGINT), 1);
    cr_assert_eq(sigismember(&now, SIGCHLD), 1);
}

Test(live_signals, all_is_as_before_when_restored)
{
    struct sigaction before = {.sa_handler = SIG_IGN};
    struct sigaction after;
    sigset_t mask;
    live_signals_restore(&signals);
    live_signals_finish(&signals);
    sigaction(SIGCHLD, &before, NULL);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    cr_assert(live_signals_block(&signals));
    sigaction(SIGCHLD, NULL, &after);
    cr_assert_eq(after.sa_handler, SIG_DFL, "a child's status must be kept");
    live_signals_restore(&signals);
    sigaction(SIGCHLD, NULL, &after);
    cr_assert_eq(after.sa_handler, SIG_IGN);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    cr_assert_eq(sigismember(&mask, SIGUSR2), 1);
    cr_assert_eq(sigismember(&mask, SIGINT), 0);
}
