/*
 * live_beat - the recorder's heartbeat: hosts with a full ring wait only while it moves. A thread
 * of its own, so that it goes on during a long checkpoint.
 * Owner: the recorder; start it after the last fork.   Threads: it is one; takes no signals.
 */
#ifndef ALLOCTRAP_LIVE_BEAT_H
#define ALLOCTRAP_LIVE_BEAT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "live/live_dir.h"

struct live_beat {
    const struct live_dir *dir;
    pthread_t thread;
    sem_t stop; /* ends the pause between two beats */
    bool is_started;
};

void live_beat_start(struct live_beat *beat, const struct live_dir *dir);
void live_beat_stop(struct live_beat *beat);

#endif
