/*
 * escape - a function with a small result.
 * Naive: it returns a pointer to a heap value, which the caller frees at once.
 * Fixed: it returns the value, in registers.
 */
#include "trap.h"

#include <stdlib.h>

struct point {
    int64_t x;
    int64_t y;
};

static struct point middle(struct point a, struct point b)
{
    return (struct point){(a.x + b.x) / 2, (a.y + b.y) / 2};
}

static struct point *middle_on_heap(struct point a, struct point b)
{
    struct point *point = malloc(sizeof *point);
    if (point != NULL) {
        *point = middle(a, b);
    }
    return point;
}

bool trap_escape_naive(uint64_t n, uint64_t *ret_result)
{
    struct point at = {0, 0};
    for (uint64_t i = 0; i < n; i++) {
        struct point *next = middle_on_heap(at, (struct point){(int64_t)i * 3, (int64_t)i * 5});
        if (next == NULL) {
            return false;
        }
        at = *next;
        free(next);
    }
    *ret_result = trap_mix(TRAP_RESULT_START, &at, sizeof at);
    return true;
}

bool trap_escape_fixed(uint64_t n, uint64_t *ret_result)
{
    struct point at = {0, 0};
    for (uint64_t i = 0; i < n; i++) {
        at = middle(at, (struct point){(int64_t)i * 3, (int64_t)i * 5});
    }
    *ret_result = trap_mix(TRAP_RESULT_START, &at, sizeof at);
    return true;
}
