/*
 * live_signals - the signals of `record`: those sent to us go on to the host, those of the terminal
 * reach the host by themselves. Blocked and read from a descriptor; stop signals keep their
 * default, so that ^Z stops the job as a whole.
 * Owner: one struct for the process.   Threads: the main one; block before any other is made.
 */
#ifndef ALLOCTRAP_LIVE_SIGNALS_H
#define ALLOCTRAP_LIVE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct live_signals {
    int fd;
    sigset_t mask_before;
    struct sigaction child_before;
    struct sigaction pipe_before;
    uint64_t interrupted_ns; /* when the last Ctrl-C came; 0 = none */
    bool is_ending;          /* asked to end the recording now */
};

/* Also sets SIGCHLD to its default (a child's status must be kept) and ignores SIGPIPE. False when
 * the kernel has no descriptor for it. */
bool live_signals_block(struct live_signals *signals);

/* In the child, before exec: all as it was at our start. */
void live_signals_restore(const struct live_signals *signals);

/* Reads what came and forwards to host what was sent to us; host 0: it has ended, and a signal
 * ends the recording. A second Ctrl-C within 2 s sets is_ending. */
void live_signals_read(struct live_signals *signals, pid_t host);

void live_signals_finish(struct live_signals *signals);

#endif
