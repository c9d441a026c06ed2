/*
 * ring_pool - places for threads: counters and a ring each, claimed at a thread's first event and
 * taken over as they are once their thread is gone. Nothing runs when a thread ends.
 * Owner:   the session.   Threads: all; places change hands by one compare-and-swap of the tid.
 * Memory:  the session's.   Errno: never touched.
 */
#ifndef ALLOCTRAP_RING_POOL_H
#define ALLOCTRAP_RING_POOL_H

#include "alloctrap/session.h"

/* COLD. A place for the calling thread, NULL when there is none; *ret_is_adopted: it had an owner
 * before. */
struct session_thread *ring_pool_claim(struct session_head *head, bool *ret_is_adopted);

#endif
