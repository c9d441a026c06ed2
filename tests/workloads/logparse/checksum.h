/*
 * checksum - 64 bits over all output, eight bytes at a step, so that comparing two builders costs
 * next to nothing beside building. For accidents, not for attackers. The order of lines counts;
 * how the bytes come in does not matter as long as both runs feed the same pieces.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CHECKSUM_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t checksum_step(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ (sum >> 32);
}

/* Ends with the count, so that "ab" + "c" is not "a" + "bc". */
static inline uint64_t checksum_add(uint64_t sum, const char *bytes, size_t count)
{
    uint64_t word = 0;
    size_t at = 0;
    for (; at + sizeof word <= count; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        sum = checksum_step(sum, word);
    }
    word = 0;
    memcpy(&word, bytes + at, count - at);
    return checksum_step(checksum_step(sum, word), count);
}

#endif
