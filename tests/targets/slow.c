/*
 * A host whose slow calls have one cause each, by its argument. Each runs for a bounded number of
 * rounds, which may be told; how many calls are slow, and how often something else is what makes
 * them so, is the machine's.
 */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 200,
    BELOW_BYTES = 127 * 1024, /* of glibc's mmap threshold, with its header */
    ABOVE_BYTES = 4 << 20,
    SMALL_BYTES = 100, /* for the fast bins */
    SMALL_BLOCKS = 5000,
    LARGE_BYTES = 100000,  /* freeing it joins what is in the fast bins */
    MIDDLE_BYTES = 2000,   /* past each thread's own cache */
    WARM_BYTES = 64 * 1024 /* cleared in some us */
};

/* A free block whose pages went back to the system is cleared for its next owner. */
static void touch_first(void)
{
    void *guard = NULL;
    for (int i = 0; i < ROUNDS; i++) {
        char *block = calloc(1, BELOW_BYTES);
        if (guard == NULL) {
            guard = malloc(SMALL_BYTES); /* keeps the block from joining the top */
        }
        free(block);
        malloc_trim(0);
    }
    free(guard);
}

/* A block that is a mapping is given back at once, with all pages that were used. */
static void map_and_unmap(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 * 1024); /* and stay there */
    for (int i = 0; i < ROUNDS; i++) {
        char *block = malloc(ABOVE_BYTES);
        memset(block, i, ABOVE_BYTES);
        free(block);
    }
}

/* Small blocks wait in the fast bins until a large one is freed: that joins them all. */
static void join_blocks(int rounds)
{
    static void *blocks[SMALL_BLOCKS];
    mallopt(M_TRIM_THRESHOLD, 1 << 30); /* what was touched stays */
    mallopt(M_TOP_PAD, 4 << 20);
    for (int i = 0; i < rounds; i++) {
        void *large = malloc(LARGE_BYTES);
        for (int k = 0; k < SMALL_BLOCKS; k++) {
            blocks[k] = malloc(SMALL_BYTES);
        }
        for (int k = 0; k < SMALL_BLOCKS; k++) {
            free(blocks[k]);
        }
        free(large);
    }
}

static _Atomic bool is_over;

static void *wait_for_lock(void *context)
{
    (void)context;
    while (!is_over) {
        free(malloc(MIDDLE_BYTES));
    }
    return NULL;
}

/* One arena for all, and one thread that holds its lock for long. */
static void contend(void)
{
    pthread_t threads[2];
    mallopt(M_ARENA_MAX, 1);
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, wait_for_lock, NULL);
    }
    join_blocks(ROUNDS / 4);
    is_over = true;
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void *be_preempted(void *context)
{
    (void)context;
    for (int i = 0; i < 500 * ROUNDS; i++) {
        free(calloc(1, WARM_BYTES));
    }
    return NULL;
}

/* Two threads that want one processor. */
static void share_processor(void)
{
    cpu_set_t allowed;
    cpu_set_t one;
    CPU_ZERO(&one);
    sched_getaffinity(0, sizeof allowed, &allowed);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &allowed)) {
            CPU_SET(i, &one);
        }
    }
    sched_setaffinity(0, sizeof one, &one);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, be_preempted, NULL);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(int argc, char **argv)
{
    const char *cause = argc > 1 ? argv[1] : "";
    if (strcmp(cause, "first-touch") == 0) {
        touch_first();
    } else if (strcmp(cause, "mmap-threshold") == 0) {
        map_and_unmap();
    } else if (strcmp(cause, "lock") == 0) {
        contend();
    } else if (strcmp(cause, "preemption") == 0) {
        share_processor();
    } else if (strcmp(cause, "consolidation") == 0) {
        join_blocks(argc > 2 ? atoi(argv[2]) : ROUNDS);
    } else {
        fprintf(stderr, "usage: slow CAUSE [ROUNDS]\n");
        return 2;
    }
    return 0;
}
