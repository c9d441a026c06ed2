#include "base_text.h"

#include <string.h>

void text_init(struct text *text, char *buffer, size_t room)
{
    *text = (struct text){.at = buffer, .room = room};
    buffer[0] = '\0';
}

void text_add_bytes(struct text *text, const char *bytes, size_t count)
{
    size_t left = text->room - 1 - text->len;
    if (count > left) {
        count = left;
        text->is_cut = true;
    }
    memcpy(text->at + text->len, bytes, count);
    text->len += count;
    text->at[text->len] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_add_decimal(struct text *text, uint64_t number)
{
    char digits[20];
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_add_bytes(text, digits + start, sizeof digits - start);
}

void text_add_hex16(struct text *text, uint64_t number)
{
    char digits[16];
    for (unsigned i = 0; i < sizeof digits; i++) {
        digits[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
    }
    text_add_bytes(text, digits, sizeof digits);
}
