#include "live/live_beat.h"

#include <signal.h>
#include <time.h>

static const long BEAT_NS = 40000000;
static const long NS_PER_S = 1000000000;

static struct timespec next_beat(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += BEAT_NS;
    at.tv_sec += at.tv_nsec / NS_PER_S;
    at.tv_nsec %= NS_PER_S;
    return at;
}

static void *run(void *context)
{
    struct live_beat *beat = context;
    struct timespec next;
    do {
        live_dir_beat(beat->dir, SESSION_RECORDER_RUNNING);
        next = next_beat();
    } while (sem_clockwait(&beat->stop, CLOCK_MONOTONIC, &next) != 0);
    return NULL;
}

void live_beat_start(struct live_beat *beat, const struct live_dir *dir)
{
    sigset_t all;
    sigset_t before;
    beat->dir = dir;
    sem_init(&beat->stop, 0, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    beat->is_started = pthread_create(&beat->thread, NULL, run, beat) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void live_beat_stop(struct live_beat *beat)
{
    if (beat->is_started) {
        sem_post(&beat->stop);
        pthread_join(beat->thread, NULL);
        sem_destroy(&beat->stop);
        beat->is_started = false;
    }
}
