/*
 * zeroed - a buffer that is filled as soon as it is there.
 * Naive: calloc() clears it first; memory that was used before is written twice.
 * Fixed: malloc().
 */
#include "trap.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_BYTES = 64 * 1024 };

static uint64_t fill_and_read(char *buffer, uint64_t i)
{
    memset(buffer, (int)(i % 251), BUFFER_BYTES);
    return trap_mix(TRAP_RESULT_START, buffer + i % BUFFER_BYTES, 1);
}

bool trap_zeroed_naive(uint64_t n, uint64_t *ret_result)
{
    uint64_t result = 0;
    for (uint64_t i = 0; i < n; i++) {
        char *buffer = calloc(BUFFER_BYTES, 1);
        if (buffer == NULL) {
            return false;
        }
        result += fill_and_read(buffer, i);
        free(buffer);
    }
    *ret_result = result;
    return true;
}

bool trap_zeroed_fixed(uint64_t n, uint64_t *ret_result)
{
    uint64_t result = 0;
    for (uint64_t i = 0; i < n; i++) {
        char *buffer = malloc(BUFFER_BYTES);
        if (buffer == NULL) {
            return false;
        }
        result += fill_and_read(buffer, i);
        free(buffer);
    }
    *ret_result = result;
    return true;
}
