/*
 * live_nap - the recorder sleeps between two passes, and comes back at once when a session file
 * comes, a process ends, or a signal does.
 * Owner: the recorder.   Threads: one.   Units: ns.
 */
#ifndef ALLOCTRAP_LIVE_NAP_H
#define ALLOCTRAP_LIVE_NAP_H

#include "live/live_recorder.h"

/* Sleeps until something happens, at most so long. extra_fd: wakes too; -1 = none. False: nothing
 * has happened, and nothing can have that would not have been noticed. */
bool live_nap_for(struct live_recorder *recorder, uint64_t timeout_ns, int extra_fd);

/* After a pass: the same until the next one should be, if not at once. Says in is_quiet whether
 * there is anything to look at but the rings. */
void live_nap(struct live_recorder *recorder, int extra_fd);

#endif
