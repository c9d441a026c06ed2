/*
 * trap - an allocation trap and its fix: two functions that compute the same number from n.
 * Each pair has a file of its own, which says what the trap is, what is better, and what a
 * profile shows of it. They are the ground truth for advice: what is to be found is known.
 * Deterministic: no clock, no addresses, no threads in the result or in the calls made.
 */
#ifndef TRAP_H
#define TRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False when there is no memory; what it holds until then, the end of the process frees. */
typedef bool trap_run(uint64_t n, uint64_t *ret_result);

/* X(function stem, name, n unless told, what a profile of the naive one shows) */
#define TRAP_TABLE(X)                                                                              \
    X(concat, "concat", 2000, "a chain of blocks, each a little larger than the last")             \
    X(fixed_concat, "fixed-concat", 10000,                                                         \
      "four blocks for each text, three of them to be copied once")                                \
    X(pool, "pool", 20000, "blocks of one size, each freed before the next is asked for")          \
    X(escape, "escape", 20000, "tiny blocks, freed at once by the caller")                         \
    X(boxing, "boxing", 20000, "a block of 8 bytes for each number")                               \
    X(subslice, "subslice", 64, "a peak of large blocks of which next to nothing is used")         \
    X(presize, "presize", 2000, "chains of realloc that end at the same size")                     \
    X(zeroed, "zeroed", 2000, "calloc of large blocks that are written over")                      \
    X(arena, "arena", 20000, "thousands of small blocks that end together")                        \
    X(leak, "leak", 1000, "blocks live at the end")

#define TRAP_DECLARE(stem, name, default_n, shows)                                                 \
    trap_run trap_##stem##_naive;                                                                  \
    trap_run trap_##stem##_fixed;
TRAP_TABLE(TRAP_DECLARE)
#undef TRAP_DECLARE

#define TRAP_RESULT_START UINT64_C(0xcbf29ce484222325)

/* Bytes into a result (FNV-1a), so that no compiler can leave out the work. */
static inline uint64_t trap_mix(uint64_t result, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        result = (result ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return result;
}

#endif
