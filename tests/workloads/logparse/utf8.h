/*
 * utf8 - the length of a character in UTF-8 (RFC 3629: no surrogates, no overlong forms).
 */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>

enum { UTF8_BYTES_MAX = 4 };

/* What a character that begins with this byte is long: 1 .. 4; 0 when none begins so. */
static inline size_t utf8_wanted(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The length of the character at text[0], or 0 when these bytes are not one. */
static inline size_t utf8_length(const unsigned char *text, size_t bytes)
{
    size_t wanted = utf8_wanted(text[0]);
    if (wanted <= 1) {
        return wanted;
    }
    if (wanted > bytes) {
        return 0;
    }
    unsigned char low = text[0] == 0xe0 ? 0xa0 : text[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = text[0] == 0xed ? 0x9f : text[0] == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < wanted; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return wanted;
}

/* How many of the last bytes are a character that has begun and is not yet whole: 0 .. 3. */
static inline size_t utf8_unfinished(const unsigned char *text, size_t bytes)
{
    for (size_t back = 1; back < UTF8_BYTES_MAX && back <= bytes; back++) {
        unsigned char byte = text[bytes - back];
        if ((byte & 0xc0) != 0x80) {
            return utf8_wanted(byte) > back ? back : 0;
        }
    }
    return 0;
}

#endif
