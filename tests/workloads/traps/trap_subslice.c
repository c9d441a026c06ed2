/*
 * subslice - a small part of a large buffer is kept.
 * Naive: a view of one byte keeps its buffer of 1 MB from being freed.
 * Fixed: what is kept is copied, and the buffer is freed.
 */
#include "trap.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_BYTES = 1000000, FOUND_AT = 500000 };

struct view {
    char *buffer; /* to be freed when the view is no longer needed */
    const char *at;
};

static char *load(uint64_t i)
{
    char *buffer = malloc(BUFFER_BYTES);
    if (buffer != NULL) {
        memset(buffer, (int)(i % 251), BUFFER_BYTES);
    }
    return buffer;
}

bool trap_subslice_naive(uint64_t n, uint64_t *ret_result)
{
    struct view *found = malloc(n * sizeof *found);
    uint64_t result = TRAP_RESULT_START;
    for (uint64_t i = 0; i < n; i++) {
        char *buffer = found != NULL ? load(i) : NULL;
        if (buffer == NULL) {
            return false;
        }
        found[i] = (struct view){buffer, buffer + FOUND_AT};
    }
    for (uint64_t i = 0; i < n; i++) {
        result = trap_mix(result, found[i].at, 1);
        free(found[i].buffer);
    }
    free(found);
    *ret_result = result;
    return true;
}

bool trap_subslice_fixed(uint64_t n, uint64_t *ret_result)
{
    char *found = malloc(n);
    for (uint64_t i = 0; i < n; i++) {
        char *buffer = found != NULL ? load(i) : NULL;
        if (buffer == NULL) {
            return false;
        }
        found[i] = buffer[FOUND_AT];
        free(buffer);
    }
    *ret_result = trap_mix(TRAP_RESULT_START, found, n);
    free(found);
    return true;
}
