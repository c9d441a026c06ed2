#include "base/fnv.h"

static uint64_t with_byte(uint64_t hash, uint8_t byte)
{
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

uint64_t fnv_text(const char *text)
{
    uint64_t hash = FNV_START;
    for (; *text != '\0'; text++) {
        hash = with_byte(hash, (uint8_t)*text);
    }
    return hash;
}

uint64_t fnv_number(uint64_t hash, uint64_t value)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        hash = with_byte(hash, (uint8_t)(value >> shift));
    }
    return hash;
}
