/*
 * json - writes JSON as it comes, in order, never held in memory. Names and texts may be hostile:
 * the result is valid JSON whatever they are. Integers stay integers.
 * name is NULL for members of an array and for the whole document.
 */
#ifndef ALLOCTRAP_VIEW_JSON_H
#define ALLOCTRAP_VIEW_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH_MAX = 16, JSON_DEPTH_OF_LINES = 2 /* deeper members share a line */ };

struct json {
    FILE *out;
    unsigned depth;
    unsigned depth_of_lines; /* members down to here have a line of their own */
    bool has_members[JSON_DEPTH_MAX];
    bool is_array[JSON_DEPTH_MAX];
};

struct json json_on(FILE *out);
struct json json_on_line(FILE *out); /* each document is one line, as NDJSON wants it */
void json_begin_object(struct json *json, const char *name);
void json_begin_array(struct json *json, const char *name);
void json_end(struct json *json); /* of the object or array begun last; the document's: newline */
void json_text(struct json *json, const char *name, const char *text);
void json_uint(struct json *json, const char *name, uint64_t value);
void json_int(struct json *json, const char *name, int64_t value);
void json_double(struct json *json, const char *name, double value); /* finite */
void json_bool(struct json *json, const char *name, bool value);
void json_put_null(struct json *json, const char *name);

/* jansson, which reads baselines, has functions of these names: ours are for this file's users, and
 * not for the linker. */
static inline void json_object(struct json *json, const char *name)
{
    json_begin_object(json, name);
}
static inline void json_array(struct json *json, const char *name)
{
    json_begin_array(json, name);
}
static inline void json_null(struct json *json, const char *name)
{
    json_put_null(json, name);
}

/* value / 1000 with three decimals, exactly: us of ns, ms of us. */
void json_thousandths(struct json *json, const char *name, uint64_t value);

/* value / 1000000 with six decimals: ms of ns. */
void json_millionths(struct json *json, const char *name, uint64_t value);

/* Labels as labels_canonical() makes them, as an object of texts. */
void json_labels(struct json *json, const char *name, const char *labels);

/* Command lines, arguments joined by US (0x1f), as an array of texts. */
void json_command(struct json *json, const char *name, const char *command);

#endif
