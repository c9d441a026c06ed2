/*
 * pool - a scratch buffer for each request.
 * Naive: allocated and freed for each of them.
 * Fixed: taken from a pool and put back. Now and then memory is short and the pool is cleared;
 *        the next request finds it empty and allocates, as it must be able to.
 */
#include "trap.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH_BYTES = 4096, REQUESTS_BETWEEN_PRESSURE = 1000 };

/* Answers a request with the help of a scratch buffer; nothing of it is needed later. */
static uint64_t answer(uint64_t request, char *scratch)
{
    memset(scratch, (int)(request % 251), 64);
    memcpy(scratch, &request, sizeof request);
    return trap_mix(TRAP_RESULT_START, scratch, 64);
}

bool trap_pool_naive(uint64_t n, uint64_t *ret_result)
{
    uint64_t result = 0;
    for (uint64_t i = 0; i < n; i++) {
        char *scratch = malloc(SCRATCH_BYTES);
        if (scratch == NULL) {
            return false;
        }
        result += answer(i, scratch);
        free(scratch);
    }
    *ret_result = result;
    return true;
}

struct pool {
    char *spare; /* NULL = empty */
};

static char *pool_take(struct pool *pool)
{
    char *scratch = pool->spare;
    pool->spare = NULL;
    return scratch != NULL ? scratch : malloc(SCRATCH_BYTES);
}

static void pool_put(struct pool *pool, char *scratch)
{
    free(pool->spare);
    pool->spare = scratch;
}

static void pool_clear(struct pool *pool)
{
    free(pool->spare);
    pool->spare = NULL;
}

bool trap_pool_fixed(uint64_t n, uint64_t *ret_result)
{
    struct pool pool = {0};
    uint64_t result = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (i % REQUESTS_BETWEEN_PRESSURE == REQUESTS_BETWEEN_PRESSURE - 1) {
            pool_clear(&pool);
        }
        char *scratch = pool_take(&pool);
        if (scratch == NULL) {
            return false;
        }
        result += answer(i, scratch); /* used up before it is put back */
        pool_put(&pool, scratch);
    }
    pool_clear(&pool);
    *ret_result = result;
    return true;
}
