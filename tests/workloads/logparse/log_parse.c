#include "log_parse.h"

#include <string.h>

enum { ACCESS_COMMON = 7, ACCESS_COMBINED = 9 };

const char *log_defect_name(enum log_defect defect)
{
    static const char *const names[LOG_DEFECTS] = {
        "fine",         "empty",      "binary",          "open_quote",
        "open_bracket", "bad_access", "too_many_fields", "too_long"};
    return names[defect];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The quote that ends the string which begins at `at`, or NULL. */
static const char *closing_quote(const char *at, const char *end)
{
    while (at < end) {
        const char *stop = memchr(at, '"', (size_t)(end - at));
        if (stop == NULL) {
            return NULL;
        }
        const char *escapes = stop;
        while (escapes > at && escapes[-1] == '\\') {
            escapes--;
        }
        if ((stop - escapes) % 2 == 0) {
            return stop; /* \\" ends the string, \" does not */
        }
        at = stop + 1;
    }
    return NULL;
}

static const char *end_of_word(const char *at, const char *end)
{
    while (at < end && !is_blank(*at)) {
        at++;
    }
    return at;
}

/* Reads the field at *at and moves *at behind it. */
static enum log_defect take_field(const char **at, const char *end, struct log_field *ret_field)
{
    const char *start = *at;
    if (*start != '"' && *start != '[') {
        *at = end_of_word(start, end);
        *ret_field = (struct log_field){start, (size_t)(*at - start), LOG_WORD};
        return LOG_FINE;
    }
    bool is_quoted = *start == '"';
    start++;
    const char *stop =
        is_quoted ? closing_quote(start, end) : memchr(start, ']', (size_t)(end - start));
    if (stop == NULL) {
        return is_quoted ? LOG_OPEN_QUOTE : LOG_OPEN_BRACKET;
    }
    *at = stop + 1;
    *ret_field =
        (struct log_field){start, (size_t)(stop - start), is_quoted ? LOG_QUOTED : LOG_BRACKETED};
    return LOG_FINE;
}

static enum log_defect split(const char *at, const char *end, struct log_line *line)
{
    line->count = 0;
    for (;;) {
        while (at < end && is_blank(*at)) {
            at++;
        }
        if (at == end) {
            return line->count > 0 ? LOG_FINE : LOG_EMPTY;
        }
        if (line->count == LOG_FIELDS_MAX) {
            return LOG_TOO_MANY_FIELDS;
        }
        enum log_defect defect = take_field(&at, end, &line->fields[line->count]);
        if (defect != LOG_FINE) {
            return defect;
        }
        line->count++;
    }
}

/* [10/Oct/2026:13:55:36 ...: enough of it that no other log is taken for an access log. */
static bool is_access_stamp(const struct log_field *field)
{
    static const char shape[] = "00/aaa/0000:00:00:00";
    if (field->kind != LOG_BRACKETED || field->bytes < sizeof shape - 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool is_fit = shape[i] == 'a'   ? field->at[i] >= 'A' && field->at[i] <= 'z'
                      : shape[i] == '0' ? is_digit(field->at[i])
                                        : field->at[i] == shape[i];
        if (!is_fit) {
            return false;
        }
    }
    return true;
}

static bool is_number(const struct log_field *field)
{
    for (size_t i = 0; i < field->bytes; i++) {
        if (!is_digit(field->at[i])) {
            return false;
        }
    }
    return field->kind == LOG_WORD && field->bytes > 0;
}

static bool starts_as_access(const struct log_line *line)
{
    return line->count >= 4 && line->fields[0].kind == LOG_WORD &&
           line->fields[1].kind == LOG_WORD && is_access_stamp(&line->fields[3]);
}

static bool goes_on_as_access(const struct log_line *line)
{
    const struct log_field *fields = line->fields;
    if (line->count != ACCESS_COMMON && line->count < ACCESS_COMBINED) {
        return false;
    }
    bool has_size = is_number(&fields[6]) || (fields[6].bytes == 1 && fields[6].at[0] == '-');
    bool has_names = line->count == ACCESS_COMMON ||
                     (fields[7].kind == LOG_QUOTED && fields[8].kind == LOG_QUOTED);
    return fields[4].kind == LOG_QUOTED && is_number(&fields[5]) && fields[5].bytes == 3 &&
           has_size && has_names;
}

enum log_defect log_parse(const char *text, size_t bytes, struct log_line *ret_line)
{
    ret_line->is_access = false;
    ret_line->count = 0;
    if (memchr(text, '\0', bytes) != NULL) {
        return LOG_BINARY;
    }
    if (bytes > 0 && text[bytes - 1] == '\r') {
        bytes--;
    }
    enum log_defect defect = split(text, text + bytes, ret_line);
    if (defect != LOG_FINE || !starts_as_access(ret_line)) {
        return defect;
    }
    ret_line->is_access = goes_on_as_access(ret_line);
    return ret_line->is_access ? LOG_FINE : LOG_BAD_ACCESS;
}

bool log_parse_request(const struct log_field *request, struct log_field ret_words[3])
{
    const char *at = request->at;
    const char *end = at + request->bytes;
    for (size_t i = 0; i < 3; i++) {
        const char *stop = end_of_word(at, end);
        bool is_last = i == 2;
        if (stop == at || (stop == end) != is_last) {
            return false;
        }
        ret_words[i] = (struct log_field){at, (size_t)(stop - at), LOG_QUOTED};
        at = stop + 1;
    }
    return true;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = memchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c, 16);
    return found != NULL ? (int)(found - digits) : -1;
}

/* The escape at text[0] == '\\' into *scratch; returns its length, 0 when it is none we know. */
static size_t take_escape(const char *text, size_t bytes, char *scratch)
{
    static const char letters[] = "\"\\nrtbfv";
    static const char meanings[] = "\"\\\n\r\t\b\f\v";
    if (bytes < 2) {
        return 0;
    }
    const char *letter = memchr(letters, text[1], sizeof letters - 1);
    if (letter != NULL) {
        *scratch = meanings[letter - letters];
        return 2;
    }
    if (text[1] != 'x' || bytes < 4 || hex_digit(text[2]) < 0 || hex_digit(text[3]) < 0) {
        return 0;
    }
    *scratch = (char)(hex_digit(text[2]) * 16 + hex_digit(text[3]));
    return 4;
}

size_t log_unescape(const char *text, size_t bytes, char *scratch, const char **ret_piece,
                    size_t *ret_piece_bytes)
{
    if (bytes == 0) {
        return 0;
    }
    size_t escape = text[0] == '\\' ? take_escape(text, bytes, scratch) : 0;
    if (escape > 0) {
        *ret_piece = scratch;
        *ret_piece_bytes = 1;
        return escape;
    }
    /* An unknown escape begins with a backslash as any other byte. */
    const char *next = memchr(text + 1, '\\', bytes - 1);
    *ret_piece = text;
    *ret_piece_bytes = next != NULL ? (size_t)(next - text) : bytes;
    return *ret_piece_bytes;
}
