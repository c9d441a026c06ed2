#include "base/escape.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

size_t escape_utf8(const char *text, uint32_t *ret_char)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text[0];
    if (first < 0x80) {
        *ret_char = first;
        return first != 0;
    }
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4) {
        return 0;
    }
    uint32_t value = first & (0x7FU >> length);
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80) {
            return 0; /* a NUL ends here too */
        }
        value = value << 6 | ((unsigned char)text[i] & 0x3FU);
    }
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
        return 0;
    }
    *ret_char = value;
    return length;
}

/* Characters that a reader does not see as they are: controls, what turns the direction of text,
 * what has no width, what ends a line. */
static bool is_unseen(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x061C || c == 0x180E ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
           c == 0xFFFE || c == 0xFFFF || (c >= 0xE0000 && c <= 0xE0FFF);
}

/* Room for `each` bytes for every byte of text: no growing below. */
static char *room_for(const char *text, size_t each)
{
    return mem_zero(strlen(text) + 2, each);
}

static char *put_hex(char *at, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        at += sprintf(at, "\\x%02x", (unsigned)(unsigned char)bytes[i]);
    }
    return at;
}

/* Copies one character, or writes its bytes as \xNN; returns what was read. */
static size_t put_visible(char **at, const char *text)
{
    uint32_t c = 0;
    size_t length = escape_utf8(text, &c);
    if (length == 0 || is_unseen(c)) {
        length = length == 0 ? 1 : length;
        *at = put_hex(*at, text, length);
        return length;
    }
    memcpy(*at, text, length);
    *at += length;
    return length;
}

char *escape_terminal(const char *text)
{
    char *out = room_for(text, 4);
    char *at = out;
    while (*text != '\0') {
        text += put_visible(&at, text);
    }
    *at = '\0';
    return out;
}

static char *put_json(char *at, const char *text, size_t length, uint32_t c)
{
    static const char *const shorts = "\bb\ff\nn\rr\tt\"\"\\\\";
    if (length == 0) {
        return stpcpy(at, "\\ufffd");
    }
    for (const char *s = shorts; c < 0x80 && *s != '\0'; s += 2) {
        if ((char)c == s[0]) {
            *at++ = '\\';
            *at++ = s[1];
            return at;
        }
    }
    /* U+2028 and U+2029 end a line in JavaScript; the rest is for people who look at the file. */
    if (c <= 0xFFFF && is_unseen(c)) {
        return at + sprintf(at, "\\u%04x", (unsigned)c);
    }
    memcpy(at, text, length);
    return at + length;
}

char *escape_json(const char *text)
{
    char *out = room_for(text, 6);
    char *at = out;
    while (*text != '\0') {
        uint32_t c = 0;
        size_t length = escape_utf8(text, &c);
        at = put_json(at, text, length, c);
        text += length == 0 ? 1 : length;
    }
    *at = '\0';
    return out;
}

bool escape_json_is_plain(const char *text)
{
    while (*text >= ' ' && *text <= '~' && *text != '"' && *text != '\\') {
        text++;
    }
    return *text == '\0';
}

char *escape_markdown(const char *text)
{
    char *out = room_for(text, 5);
    char *at = out;
    while (*text != '\0') {
        if (strchr("\\`*_{}[]<>#|~!&$@", *text) != NULL) {
            /* GitHub reads @name and #1 after the markup is gone: only an entity stops it. */
            at += *text == '@' || *text == '#' ? sprintf(at, "&#%d;", *text)
                                               : sprintf(at, "\\%c", *text);
            text++;
        } else {
            text += put_visible(&at, text);
        }
    }
    *at = '\0';
    return out;
}

static size_t longest_fence(const char *text)
{
    size_t longest = 0;
    size_t run = 0;
    for (; *text != '\0'; text++) {
        run = *text == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

char *escape_markdown_code(const char *text)
{
    size_t fence = longest_fence(text) + 1;
    char *visible = escape_terminal(text);
    char *out = mem_zero(strlen(visible) * 2 + fence * 2 + 3, 1);
    char *at = out;
    memset(at, '`', fence);
    at += fence;
    /* A space inside the fence is taken off again by the reader; it keeps backticks apart. */
    at = fence > 1 ? stpcpy(at, " ") : at;
    for (const char *v = visible; *v != '\0'; v++) {
        if (*v == '|') {
            *at++ = '\\';
        }
        *at++ = *v;
    }
    at = fence > 1 ? stpcpy(at, " ") : at;
    memset(at, '`', fence);
    free(visible);
    return out;
}

char *escape_html(const char *text)
{
    static const struct {
        char sign;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    char *out = room_for(text, 6);
    char *at = out;
    while (*text != '\0') {
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
            entity = *text == entities[i].sign ? entities[i].entity : entity;
        }
        if (entity != NULL) {
            at = stpcpy(at, entity);
            text++;
        } else {
            text += put_visible(&at, text);
        }
    }
    *at = '\0';
    return out;
}
