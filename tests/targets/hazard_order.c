/* Threads hand blocks to each other through realloc and free as fast as they can. */
#include "cases.h"

#include <pthread.h>

enum { THREADS = 4, SLOTS = 64, ROUNDS = 60000 };

static void *_Atomic slots[SLOTS];

/* Any numbers that differ: one generator for each thread. */
static unsigned next(unsigned *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

static void *hand_over(void *argument)
{
    unsigned state = (unsigned)(uintptr_t)argument * 2654435761U;
    for (int i = 0; i < ROUNDS; i++) {
        void *_Atomic *slot = &slots[next(&state) % SLOTS];
        void *block = atomic_exchange(slot, NULL);
        size_t size = next(&state) % 120 + 1;
        if (block != NULL && next(&state) % 2 == 0) {
            void *fresh = realloc(block, size);
            counts_free();
            block = counts_block(fresh, size);
        } else if (block != NULL) {
            give(block);
            block = NULL;
        } else {
            block = take(size);
        }
        block = atomic_exchange(slot, block);
        if (block != NULL) {
            give(block);
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, hand_over, (void *)(i + 1));
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i] != NULL) {
            give(slots[i]);
        }
    }
    counts_tell();
    return 0;
}
