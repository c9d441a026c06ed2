/*
 * base_text - building short strings without stdio.
 * Owner:   the caller's buffer.   Threads: one user each.   Memory: none.   Errno: never touched.
 * Beyond the buffer's end text is dropped; the result is always NUL-terminated and says is_cut.
 */
#ifndef ALLOCTRAP_BASE_TEXT_H
#define ALLOCTRAP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *at;
    size_t len;
    size_t room; /* bytes of the buffer, the NUL's included; at least 1 */
    bool is_cut;
};

/* PURE. Starts an empty text in a buffer. */
void text_init(struct text *text, char *buffer, size_t room);
/* PURE. */
void text_add(struct text *text, const char *string);
/* PURE. */
void text_add_bytes(struct text *text, const char *bytes, size_t count);
/* PURE. */
void text_add_decimal(struct text *text, uint64_t number);
/* PURE. 16 digits, as in a session file's name. */
void text_add_hex16(struct text *text, uint64_t number);

#endif
