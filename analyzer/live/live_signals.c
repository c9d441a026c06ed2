#include "live/live_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include "live/live_clock.h"

static const uint64_t TWICE_NS = 2000000000;

/* Not ours to take: faults of our own, and the job's stopping and going on. */
static const int left_alone[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP, SIGABRT,
                                 SIGSYS,  SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT};

static sigset_t taken(void)
{
    sigset_t set;
    sigfillset(&set);
    for (size_t i = 0; i < sizeof left_alone / sizeof left_alone[0]; i++) {
        sigdelset(&set, left_alone[i]);
    }
    return set;
}

bool live_signals_block(struct live_signals *signals)
{
    *signals = (struct live_signals){.fd = -1};
    sigset_t set = taken();
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigprocmask(SIG_BLOCK, &set, &signals->mask_before);
    sigaction(SIGCHLD, &by_default, &signals->child_before);
    sigaction(SIGPIPE, &ignored, &signals->pipe_before);
    signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return signals->fd >= 0;
}

void live_signals_restore(const struct live_signals *signals)
{
    sigaction(SIGCHLD, &signals->child_before, NULL);
    sigaction(SIGPIPE, &signals->pipe_before, NULL);
    sigprocmask(SIG_SETMASK, &signals->mask_before, NULL);
}

static void forward(const struct signalfd_siginfo *info, pid_t host)
{
    if (info->ssi_code == SI_QUEUE) {
        union sigval value = {.sival_ptr = (void *)(uintptr_t)info->ssi_ptr};
        (void)sigqueue(host, (int)info->ssi_signo, value);
    } else {
        (void)kill(host, (int)info->ssi_signo);
    }
}

static void take_interrupt(struct live_signals *signals, pid_t host)
{
    uint64_t now_ns = live_clock_ns();
    bool is_second = signals->interrupted_ns != 0 && now_ns - signals->interrupted_ns < TWICE_NS;
    signals->interrupted_ns = now_ns;
    signals->is_ending = signals->is_ending || is_second || host == 0;
}

static bool ends_recording(uint32_t number)
{
    return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
}

static void take(struct live_signals *signals, const struct signalfd_siginfo *info, pid_t host)
{
    bool is_from_user =
        info->ssi_code == SI_USER || info->ssi_code == SI_QUEUE || info->ssi_code == SI_TKILL;
    if (info->ssi_signo == SIGCHLD) {
        return; /* it woke us, which is all it is for */
    }
    if (host == 0) {
        signals->is_ending = signals->is_ending || ends_recording(info->ssi_signo);
    } else if (is_from_user) {
        if ((pid_t)info->ssi_pid != host) {
            forward(info, host); /* what the host sent to its whole group has reached it */
        }
    } else if (info->ssi_signo == SIGINT) {
        take_interrupt(signals, host);
    }
}

void live_signals_read(struct live_signals *signals, pid_t host)
{
    struct signalfd_siginfo info;
    while (read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        take(signals, &info, host);
    }
}

void live_signals_finish(struct live_signals *signals)
{
    if (signals->fd >= 0) {
        close(signals->fd);
        signals->fd = -1;
    }
}
