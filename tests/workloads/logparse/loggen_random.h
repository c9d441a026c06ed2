/*
 * loggen_random - the generator's random numbers: splitmix64 (S. Vigna), 64 bits of state.
 * Integers only, so the same seed gives the same numbers on every machine.
 */
#ifndef LOGGEN_RANDOM_H
#define LOGGEN_RANDOM_H

#include <stdint.h>

struct loggen_random {
    uint64_t state;
};

/* Spreads the bits of any number over 64 bits; equal numbers, equal results. */
static inline uint64_t loggen_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t loggen_random_next(struct loggen_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return loggen_mix(random->state);
}

/* 0 .. below - 1; below is at least 1. The bias of the multiplication is below 1 in 2^32/below. */
static inline uint32_t loggen_random_below(struct loggen_random *random, uint32_t below)
{
    return (uint32_t)(((loggen_random_next(random) >> 32) * below) >> 32);
}

/* Small numbers often, large ones seldom: as hosts, pages and files are visited. */
static inline uint32_t loggen_random_skewed(struct loggen_random *random, uint32_t below)
{
    return loggen_random_below(random, loggen_random_below(random, below) + 1);
}

/* True in permille of 1000 cases. */
static inline int loggen_random_permille(struct loggen_random *random, unsigned permille)
{
    return loggen_random_below(random, 1000) < permille;
}

#endif
