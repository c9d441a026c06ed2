#include "live/live_beat.h"

#include <signal.h>
#include <time.h>

enum { BEAT_NS = 40000000 };

static void *run(void *context)
{
    struct live_beat *beat = context;
    struct timespec pause = {.tv_nsec = BEAT_NS};
    /* Relaxed: nothing is ordered by it; pthread_join() orders the end. */
    while (!atomic_load_explicit(&beat->is_stopping, memory_order_relaxed)) {
        live_dir_beat(beat->dir, SESSION_RECORDER_RUNNING);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

void live_beat_start(struct live_beat *beat, const struct live_dir *dir)
{
    sigset_t all;
    sigset_t before;
    beat->dir = dir;
    atomic_init(&beat->is_stopping, false);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    beat->is_started = pthread_create(&beat->thread, NULL, run, beat) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void live_beat_stop(struct live_beat *beat)
{
    if (beat->is_started) {
        atomic_store_explicit(&beat->is_stopping, true, memory_order_relaxed);
        pthread_join(beat->thread, NULL);
        beat->is_started = false;
    }
}
