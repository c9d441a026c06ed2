/*
 * grow - many call paths in many threads, so that all that a profiler keeps has to grow.
 */
#ifndef GROW_H
#define GROW_H

#include "cases.h"

#include <pthread.h>

enum { GROW_PATHS = 4000, GROW_DEPTH = 12, GROW_THREADS = 12 };

__attribute__((noinline)) static void grow_path(unsigned path, int depth)
{
    if (depth == 0) {
        give(take(path % 100 + 1));
    } else if ((path & 1) != 0) {
        grow_path(path >> 1, depth - 1);
    } else {
        grow_path(path >> 1, depth - 1);
        __asm__ volatile("");
    }
}

static inline void grow(void)
{
    for (unsigned path = 0; path < GROW_PATHS; path++) {
        grow_path(path, GROW_DEPTH);
    }
}

static inline void *grow_in_thread(void *argument)
{
    grow();
    return argument;
}

static inline void grow_in_threads(void)
{
    pthread_t threads[GROW_THREADS];
    int count = 0;
    while (count < GROW_THREADS &&
           pthread_create(&threads[count], NULL, grow_in_thread, NULL) == 0) {
        count++;
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

#endif
