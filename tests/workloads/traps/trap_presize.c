/*
 * presize - n lists of 100 items, as rows of a table are read whose header says how many.
 * Naive: each list is grown from nothing: eight calls of realloc, and the items copied on the way.
 * Fixed: the right capacity at once.
 */
#include "trap.h"

#include <stdlib.h>

enum { ITEMS = 100 };

static uint64_t item(uint64_t row, size_t i)
{
    return row * 31 + i;
}

bool trap_presize_naive(uint64_t n, uint64_t *ret_result)
{
    uint64_t result = TRAP_RESULT_START;
    for (uint64_t row = 0; row < n; row++) {
        uint64_t *items = NULL;
        size_t room = 0;
        for (size_t i = 0; i < ITEMS; i++) {
            if (i == room) {
                room = room > 0 ? room * 2 : 1;
                uint64_t *more = realloc(items, room * sizeof *items);
                if (more == NULL) {
                    return false;
                }
                items = more;
            }
            items[i] = item(row, i);
        }
        result = trap_mix(result, items, ITEMS * sizeof *items);
        free(items);
    }
    *ret_result = result;
    return true;
}

bool trap_presize_fixed(uint64_t n, uint64_t *ret_result)
{
    uint64_t result = TRAP_RESULT_START;
    for (uint64_t row = 0; row < n; row++) {
        uint64_t *items = malloc(ITEMS * sizeof *items);
        if (items == NULL) {
            return false;
        }
        for (size_t i = 0; i < ITEMS; i++) {
            items[i] = item(row, i);
        }
        result = trap_mix(result, items, ITEMS * sizeof *items);
        free(items);
    }
    *ret_result = result;
    return true;
}
