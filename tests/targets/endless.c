/*
 * endless FILE THREADS - allocates in THREADS threads until it is killed, or until FILE's first
 * word is not 0. What each thread's returned calls did stands in FILE, a line of 64 bytes for each
 * thread after the first line: allocations, frees, bytes. A call that is not in FILE yet has not
 * returned, or has only just; one call for each thread is the most that may be missing.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE_BYTES = 64, THREADS_MAX = 16, SIZES = 100 };

struct line {
    _Atomic uint64_t allocs; /* of line 0: stop */
    _Atomic uint64_t frees;
    _Atomic uint64_t bytes;
    char pad[LINE_BYTES - 24];
};

static struct line *lines;

static void *take(struct line *mine, size_t size)
{
    void *block = malloc(size);
    if (block == NULL) {
        _exit(99);
    }
    mine->bytes += size;
    mine->allocs++;
    return block;
}

static void give(struct line *mine, void *block)
{
    free(block);
    mine->frees++;
}

static void *work(void *argument)
{
    struct line *mine = argument;
    void *kept = NULL;
    for (size_t i = 0; lines[0].allocs == 0; i++) {
        void *block = take(mine, i % SIZES);
        if (i % 3 == 0) { /* lives until the next third */
            void *old = kept;
            kept = block;
            block = old;
        }
        if (block != NULL) {
            give(mine, block);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    int fd = argc > 2 ? open(argv[1], O_RDWR) : -1;
    if (fd < 0 || count == 0 || count > THREADS_MAX) {
        return 98;
    }
    lines = mmap(NULL, (count + 1) * sizeof *lines, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (lines == MAP_FAILED) {
        return 97;
    }
    pthread_t threads[THREADS_MAX];
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, work, &lines[i + 1]) != 0) {
            return 96;
        }
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    return 5;
}
