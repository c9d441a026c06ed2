/*
 * live_snapshot - a profile of a program that is still being recorded: the exact counters as they
 * are now, and lives, peak, timeline and percentiles as of the recorder's last checkpoint. Before
 * the first checkpoint it has the counters alone. Nothing is written: neither the program nor its
 * recorder notice.
 * Owner: the caller destroys the profile.   Threads: one.
 */
#ifndef ALLOCTRAP_LIVE_SNAPSHOT_H
#define ALLOCTRAP_LIVE_SNAPSHOT_H

#include "base/err.h"
#include "heap/profile.h"

/* dir: a session directory. The profile is sealed and has names. */
ERR_CHECKED enum err_code live_snapshot(const char *dir, struct profile **ret, struct err *reterr);

#endif
