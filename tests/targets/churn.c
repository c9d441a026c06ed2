/* A thousand threads one after the other: places are handed on, counters go on. */
#include "counts.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 1000, BLOCKS = 10 };

static void *work(void *argument)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        void *block = counts_block(malloc(i + 1), i + 1);
        free(block);
        counts_free();
    }
    return argument;
}

int main(void)
{
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, NULL);
        pthread_join(thread, NULL);
    }
    counts_tell();
    return 0;
}
