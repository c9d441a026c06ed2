/* Eight threads at once, each freeing half of what its neighbour allocated. */
#include "counts.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 8, BLOCKS = 5000 };

static void *_Atomic blocks[THREADS][BLOCKS];

static void *work(void *argument)
{
    size_t me = (size_t)argument;
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[me][i] = counts_block(malloc(i % 100 + me), i % 100 + me);
        void *other = atomic_exchange(&blocks[(me + 1) % THREADS][i / 2], NULL);
        if (other != NULL) {
            free(other);
            counts_free();
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, (void *)i);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    counts_tell();
    return 0;
}
