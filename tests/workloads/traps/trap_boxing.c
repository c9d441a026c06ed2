/*
 * boxing - a list of numbers.
 * Naive: a list of pointers, and a box on the heap for each number: 32 bytes of heap and a cache
 *        miss for 8 bytes.
 * Fixed: a list of numbers.
 */
#include "trap.h"

#include <stdlib.h>

static uint64_t number(uint64_t i)
{
    return i * i + 7;
}

static uint64_t *box(uint64_t value)
{
    uint64_t *boxed = malloc(sizeof *boxed);
    if (boxed != NULL) {
        *boxed = value;
    }
    return boxed;
}

bool trap_boxing_naive(uint64_t n, uint64_t *ret_result)
{
    uint64_t **numbers = malloc(n * sizeof *numbers);
    uint64_t result = TRAP_RESULT_START;
    for (uint64_t i = 0; i < n; i++) {
        if (numbers == NULL || (numbers[i] = box(number(i))) == NULL) {
            return false;
        }
    }
    for (uint64_t i = 0; i < n; i++) {
        result = trap_mix(result, numbers[i], sizeof *numbers[i]);
        free(numbers[i]);
    }
    free(numbers);
    *ret_result = result;
    return true;
}

bool trap_boxing_fixed(uint64_t n, uint64_t *ret_result)
{
    uint64_t *numbers = malloc(n * sizeof *numbers);
    uint64_t result = TRAP_RESULT_START;
    if (numbers == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        numbers[i] = number(i);
    }
    for (uint64_t i = 0; i < n; i++) {
        result = trap_mix(result, &numbers[i], sizeof numbers[i]);
    }
    free(numbers);
    *ret_result = result;
    return true;
}
