/*
 * stack_term - a frame's part of its stack's identity: sum over frames of mix(pc) * weight(index).
 * A sum, so that a frame is exchanged by one difference; the weights are fixed random odd numbers,
 * so that frames in another order, or at another depth, make another sum. Two stacks that differ
 * in one frame never share a sum; other pairs do with a chance of about 2^-63.
 * Not for: keys that an enemy chooses.   Threads: any, constants alone.   Errno: never touched.
 */
#ifndef ALLOCTRAP_STACK_TERM_H
#define ALLOCTRAP_STACK_TERM_H

#include <stdint.h>

#include "alloctrap/session.h"
#include "base_local.h"

/* What a stack that goes on beyond its outermost frame has more. */
#define STACK_TERM_CUT UINT64_C(0xA0761D6478BD642F)

/* By index from the root. */
LOCAL extern const uint64_t stack_term_weights[SESSION_DEPTH_MAX];

/* PURE. Bits everywhere: its uppermost bits serve as a hash of the address as well. */
static inline uint64_t stack_term_spread(uintptr_t pc)
{
    return pc * UINT64_C(0x9E3779B97F4A7C15);
}

/* PURE. flags: enum session_node_flag of the frame. */
static inline uint64_t stack_term_mix(uintptr_t pc, uint32_t flags)
{
    uint64_t x = stack_term_spread(pc ^ (uint64_t)flags << 56);
    return x ^ x >> 32;
}

/* PURE. index: frames from the root, below SESSION_DEPTH_MAX. */
static inline uint64_t stack_term(uintptr_t pc, uint32_t flags, uint32_t index)
{
    return stack_term_mix(pc, flags) * stack_term_weights[index];
}

#endif
