#include "json_line.h"

#include "utf8.h"

#include <stdio.h>
#include <string.h>

/* An Apache access log's fields in their order; the request becomes three. */
static const char *const access_names[] = {"host",   "ident", "user",    "time", "request",
                                           "status", "bytes", "referer", "agent"};
enum { ACCESS_NAMES = 9, ACCESS_REQUEST = 4, ACCESS_STATUS = 5, ACCESS_BYTES = 6 };
enum { NUMBER_DIGITS_MAX = 15 }; /* what every reader of JSON keeps exactly */

/* The line under construction, passed on by a value's sink. */
struct target {
    const struct builder_kind *kind;
    struct builder line;
};

static void append_text(struct builder *builder, const char *text)
{
    builder_append(builder, text, strlen(text));
}

static bool is_plain_ascii(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* How many bytes from here need no escape. */
static size_t plain_run(const unsigned char *text, size_t bytes)
{
    size_t at = 0;
    for (;;) {
        while (at < bytes && is_plain_ascii(text[at])) {
            at++;
        }
        size_t length = at < bytes && text[at] >= 0x80 ? utf8_length(text + at, bytes - at) : 0;
        if (length == 0) {
            return at;
        }
        at += length;
    }
}

static void append_escape(struct builder *builder, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = "\"\\nrtbf";
    static const char meanings[] = "\"\\\n\r\t\b\f";
    const char *meaning = memchr(meanings, c, sizeof meanings - 1);
    if (meaning != NULL) {
        char pair[2] = {'\\', letters[meaning - meanings]};
        builder_append(builder, pair, sizeof pair);
        return;
    }
    char code[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    builder_append(builder, code, sizeof code);
}

/* The inside of a JSON string, run by run and escape by escape. */
static void append_escaped(struct builder *builder, const char *raw, size_t bytes)
{
    const unsigned char *text = (const unsigned char *)raw;
    for (size_t at = 0; at < bytes;) {
        size_t run = plain_run(text + at, bytes - at);
        builder_append(builder, raw + at, run);
        at += run;
        if (at < bytes) {
            append_escape(builder, text[at++]);
        }
    }
}

/* A sink: the bytes as a JSON string, in a string of its own, then into the line. */
static bool append_quoted(void *context, const char *bytes, size_t count)
{
    struct target *target = context;
    struct builder quoted;
    builder_begin(&quoted, target->kind);
    builder_append_char(&quoted, '"');
    append_escaped(&quoted, bytes, count);
    builder_append_char(&quoted, '"');
    return builder_finish(&quoted, builder_into_builder, &target->line);
}

/* The field's own text: what Apache escaped is what it was before. */
static bool append_field_text(struct target *target, const struct log_field *field)
{
    struct builder text;
    builder_begin(&text, target->kind);
    const char *at = field->at;
    size_t left = field->kind == LOG_QUOTED ? field->bytes : 0;
    if (field->kind != LOG_QUOTED) {
        builder_append(&text, field->at, field->bytes);
    }
    while (left > 0) {
        char scratch;
        const char *piece = NULL;
        size_t piece_bytes = 0;
        size_t used = log_unescape(at, left, &scratch, &piece, &piece_bytes);
        builder_append(&text, piece, piece_bytes);
        at += used;
        left -= used;
    }
    return builder_finish(&text, append_quoted, target);
}

static bool is_json_number(const struct log_field *field)
{
    bool has_digits = field->bytes > 0 && field->bytes <= NUMBER_DIGITS_MAX;
    for (size_t i = 0; has_digits && i < field->bytes; i++) {
        has_digits = field->at[i] >= '0' && field->at[i] <= '9';
    }
    return has_digits && (field->at[0] != '0' || field->bytes == 1);
}

static void append_key(struct builder *line, const char *key)
{
    append_text(line, line->bytes == 0 ? "{\"" : ",\"");
    append_text(line, key);
    append_text(line, "\":");
}

static bool append_member(struct target *target, const char *key, const struct log_field *field)
{
    append_key(&target->line, key);
    return append_field_text(target, field);
}

/* Status and size are numbers; "-" means that no body was sent. */
static bool append_number(struct target *target, const char *key, const struct log_field *field)
{
    append_key(&target->line, key);
    if (is_json_number(field)) {
        builder_append(&target->line, field->at, field->bytes);
        return !target->line.is_failed;
    }
    if (field->bytes == 1 && field->at[0] == '-') {
        append_text(&target->line, "null");
        return !target->line.is_failed;
    }
    return append_field_text(target, field);
}

static bool append_request(struct target *target, const struct log_field *request)
{
    struct log_field words[3];
    if (!log_parse_request(request, words)) {
        return append_member(target, "request", request);
    }
    return append_member(target, "method", &words[0]) &&
           append_member(target, "target", &words[1]) &&
           append_member(target, "protocol", &words[2]);
}

static bool append_numbered(struct target *target, size_t index, const struct log_field *field)
{
    char key[24];
    snprintf(key, sizeof key, "f%zu", index + 1);
    return append_member(target, key, field);
}

static bool append_field(struct target *target, const struct log_line *line, size_t index)
{
    const struct log_field *field = &line->fields[index];
    if (!line->is_access || index >= ACCESS_NAMES) {
        return append_numbered(target, index, field);
    }
    if (index == ACCESS_REQUEST) {
        return append_request(target, field);
    }
    if (index == ACCESS_STATUS || index == ACCESS_BYTES) {
        return append_number(target, access_names[index], field);
    }
    return append_member(target, access_names[index], field);
}

/* A line that failed on the way is finished all the same: its buffer goes back. */
static bool finish_line(struct target *target, bool is_fine, builder_sink *sink, void *context)
{
    target->line.is_failed = target->line.is_failed || !is_fine;
    return builder_finish(&target->line, sink, context);
}

bool json_line_fields(const struct builder_kind *kind, const struct log_line *line,
                      builder_sink *sink, void *context)
{
    struct target target = {.kind = kind};
    bool is_fine = true;
    builder_begin(&target.line, kind);
    for (size_t i = 0; is_fine && i < line->count; i++) {
        is_fine = append_field(&target, line, i);
    }
    builder_append_char(&target.line, '}');
    return finish_line(&target, is_fine, sink, context);
}

bool json_line_malformed_part(const struct builder_kind *kind, enum log_defect defect,
                              const char *raw, size_t bytes, bool is_first, bool is_last,
                              builder_sink *sink, void *context)
{
    struct builder line;
    builder_begin(&line, kind);
    if (is_first) {
        append_text(&line, "{\"malformed\":true,\"reason\":\"");
        append_text(&line, log_defect_name(defect));
        append_text(&line, "\",\"raw\":\"");
    }
    append_escaped(&line, raw, bytes);
    if (is_last) {
        append_text(&line, "\"}");
    }
    return builder_finish(&line, sink, context);
}

bool json_line_malformed(const struct builder_kind *kind, enum log_defect defect, const char *raw,
                         size_t bytes, builder_sink *sink, void *context)
{
    return json_line_malformed_part(kind, defect, raw, bytes, true, true, sink, context);
}
