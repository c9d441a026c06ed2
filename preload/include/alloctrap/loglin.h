/*
 * loglin - log-linear codes: a 64-bit value in 12 bits, exact below 64, within 1.6 % above.
 * 64 linear steps for each power of two, the scheme of HdrHistogram (G. Tene) with 6 bits of
 * precision. Codes order as their values do, so histograms over codes merge by addition.
 */
#ifndef ALLOCTRAP_LOGLIN_H
#define ALLOCTRAP_LOGLIN_H

#include <stdint.h>

enum {
    LOGLIN_BITS = 6,                 /* steps per power of two, as a power of two */
    LOGLIN_STEPS = 1 << LOGLIN_BITS, /* 64 */
    LOGLIN_CODES = (64 - LOGLIN_BITS + 1) * LOGLIN_STEPS /* 3776 codes cover all of uint64_t */
};

/* PURE. The code of a value. */
static inline uint16_t loglin_code(uint64_t value)
{
    if (value < LOGLIN_STEPS) {
        return (uint16_t)value;
    }
    unsigned shift = 63U - (unsigned)__builtin_clzll(value) - LOGLIN_BITS;
    return (uint16_t)((shift << LOGLIN_BITS) + (unsigned)(value >> shift));
}

/* PURE. The smallest value with this code. */
static inline uint64_t loglin_low(uint16_t code)
{
    if (code < 2 * LOGLIN_STEPS) {
        return code;
    }
    unsigned shift = (code >> LOGLIN_BITS) - 1U;
    return ((uint64_t)(code & (LOGLIN_STEPS - 1)) + LOGLIN_STEPS) << shift;
}

/* PURE. The middle of a code's values: what a report prints for it. */
static inline uint64_t loglin_value(uint16_t code)
{
    if (code < 2 * LOGLIN_STEPS) {
        return code;
    }
    unsigned shift = (code >> LOGLIN_BITS) - 1U;
    return loglin_low(code) + ((UINT64_C(1) << shift) - 1) / 2;
}

#endif
