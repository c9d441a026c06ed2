#include "stack_term.h"

/* splitmix64 (S. Vigna) of a counter, as constants. */
#define MIX1(z) (((z) ^ (z) >> 30) * UINT64_C(0xBF58476D1CE4E5B9))
#define MIX2(z) (((z) ^ (z) >> 27) * UINT64_C(0x94D049BB133111EB))
#define MIX3(z) ((z) ^ (z) >> 31)
#define WEIGHT(i) (MIX3(MIX2(MIX1((UINT64_C(1) + (i)) * UINT64_C(0x9E3779B97F4A7C15)))) | 1)

#define WEIGHTS_4(i) WEIGHT(i), WEIGHT((i) + 1), WEIGHT((i) + 2), WEIGHT((i) + 3)
#define WEIGHTS_16(i) WEIGHTS_4(i), WEIGHTS_4((i) + 4), WEIGHTS_4((i) + 8), WEIGHTS_4((i) + 12)
#define WEIGHTS_64(i)                                                                              \
    WEIGHTS_16(i), WEIGHTS_16((i) + 16), WEIGHTS_16((i) + 32), WEIGHTS_16((i) + 48)
#define WEIGHTS_256(i)                                                                             \
    WEIGHTS_64(i), WEIGHTS_64((i) + 64), WEIGHTS_64((i) + 128), WEIGHTS_64((i) + 192)

_Static_assert(SESSION_DEPTH_MAX == 512, "a weight for each frame");

const uint64_t stack_term_weights[SESSION_DEPTH_MAX] = {WEIGHTS_256(0), WEIGHTS_256(256)};
