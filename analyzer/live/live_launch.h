/*
 * live_launch - starts the host as a shell would have: its descriptors, signals, group and terminal
 * are those that we were given. The child waits, so that what needs its pid can be made first.
 * Owner: `record`.   Threads: one, before any other is made.
 */
#ifndef ALLOCTRAP_LIVE_LAUNCH_H
#define ALLOCTRAP_LIVE_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "live/live_signals.h"

enum {
    LIVE_LAUNCH_LOST = 125, /* the kernel does not tell how it ended */
    LIVE_LAUNCH_NOT_RUNNABLE = 126,
    LIVE_LAUNCH_NOT_FOUND = 127,
    LIVE_LAUNCH_SIGNAL = 128
};

struct live_launch {
    pid_t pid;
    int release_fd;
    int failure_fd;
    bool has_ended;
    int wait_status; /* valid once has_ended */
};

/* Where the shell would find name; false with errno when nowhere (ENOENT) or not runnable. */
bool live_launch_find(const char *name, char *out, size_t out_bytes);

/* The exit status a shell gives for an exec that failed with this errno. */
int live_launch_exec_status(int exec_errno);

/* Makes the child, which waits. preload is the whole of its LD_PRELOAD; NULL leaves it alone. */
ERR_CHECKED enum err_code live_launch_fork(struct live_launch *launch, char **argv,
                                           const char *preload, const struct live_signals *signals,
                                           struct err *reterr);

/* Lets it go on into exec, with session_dir in its environment (NULL: none). Returns exec's errno,
 * 0 when it runs. */
int live_launch_release(struct live_launch *launch, const char *session_dir);

/* The child ends without having run anything. */
void live_launch_cancel(struct live_launch *launch);

/* True once it has ended; does not wait. */
bool live_launch_poll(struct live_launch *launch);

/* As a shell says it: the status, or 128 + signal. */
int live_launch_exit_status(const struct live_launch *launch);

#endif
