/* Each function of the family, also with what it must refuse; errno as without us. */
#include "counts.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void take(void *block, size_t size, size_t alignment)
{
    if ((uintptr_t)block % alignment != 0 || malloc_usable_size(block) < size) {
        _exit(94);
    }
    memset(block, 1, size);
    free(counts_block(block, size));
    counts_free();
}

static void refuse(void)
{
    void *block = &block;
    volatile size_t too_much = SIZE_MAX;
    errno = 0;
    if (posix_memalign(&block, 3, 10) != EINVAL || errno != 0 || block != (void *)&block) {
        _exit(93);
    }
    if (malloc(too_much) != NULL || errno != ENOMEM || calloc(too_much, 2) != NULL) {
        _exit(92);
    }
    errno = 7;
    free(NULL);
    free(counts_block(malloc(1), 1));
    counts_free();
    if (errno != 7) {
        _exit(91);
    }
}

int main(void)
{
    void *block;
    take(malloc(0), 0, 16);
    take(malloc(33), 33, 16);
    take(calloc(3, 11), 33, 16);
    take(realloc(NULL, 33), 33, 16);
    take(reallocarray(NULL, 3, 11), 33, 16);
    if (posix_memalign(&block, 256, 33) != 0) {
        return 90;
    }
    take(block, 33, 256);
    take(aligned_alloc(64, 128), 128, 64);
    take(memalign(512, 33), 33, 512);
    take(valloc(33), 33, 4096);
    take(pvalloc(33), 33, 4096);
    refuse();
    counts_tell();
    return 0;
}
