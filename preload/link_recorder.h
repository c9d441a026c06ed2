/*
 * link_recorder - without a launcher: makes the session directory and starts the recorder.
 * Owner:   the process's start.   Threads: one.   Signals: all blocked while the child is made.
 * Memory:  mmap, given back.   Descriptors: none kept.   Errno: may be changed.
 *
 * The host must not learn of our child: the intermediate child is made by clone() with exit signal
 * 0, so no SIGCHLD comes and no wait() but one with __WCLONE sees it; it makes the recorder the
 * same way, ends when the recorder's exec has begun, and is reaped here at once. The recorder is
 * then a child of init. It gets no descriptor but standard error, no session of ours, a session
 * (setsid) of its own and default signals.
 */
#ifndef ALLOCTRAP_LINK_RECORDER_H
#define ALLOCTRAP_LINK_RECORDER_H

#include "link_session.h"

/* COLD. Makes alloctrap.<program>.<pid>.atrap.session in the working directory, starts the
 * recorder on it, and puts the directory into the environment of the host's children. Returns the
 * directory's absolute path, NULL on failure. */
const char *link_recorder_start(struct link_error *reterr);

#endif
