#include "view/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/labels.h"
#include "base/mem.h"

struct json json_on(FILE *out)
{
    return (struct json){.out = out, .depth_of_lines = JSON_DEPTH_OF_LINES};
}

struct json json_on_line(FILE *out)
{
    return (struct json){.out = out};
}

static void print_quoted(FILE *out, const char *text)
{
    if (escape_json_is_plain(text)) {
        fputc('"', out);
        fputs(text, out);
        fputc('"', out);
        return;
    }
    char *escaped = escape_json(text);
    fprintf(out, "\"%s\"", escaped);
    free(escaped);
}

/* What stands before a member: comma, line or space, name. */
static void begin_member(struct json *json, const char *name)
{
    if (json->depth > 0) {
        bool *has_members = &json->has_members[json->depth - 1];
        fputs(*has_members ? "," : "", json->out);
        if (json->depth <= json->depth_of_lines) {
            fprintf(json->out, "\n%*s", (int)json->depth * 2, "");
        } else if (*has_members) {
            fputc(' ', json->out);
        }
        *has_members = true;
    }
    if (name != NULL) {
        print_quoted(json->out, name);
        fputs(": ", json->out);
    }
}

static void begin(struct json *json, const char *name, bool is_array)
{
    begin_member(json, name);
    fputc(is_array ? '[' : '{', json->out);
    json->has_members[json->depth] = false;
    json->is_array[json->depth] = is_array;
    json->depth += 1;
}

void json_begin_object(struct json *json, const char *name)
{
    begin(json, name, false);
}

void json_begin_array(struct json *json, const char *name)
{
    begin(json, name, true);
}

void json_end(struct json *json)
{
    json->depth -= 1;
    if (json->has_members[json->depth] && json->depth < json->depth_of_lines) {
        fprintf(json->out, "\n%*s", (int)json->depth * 2, "");
    }
    fputc(json->is_array[json->depth] ? ']' : '}', json->out);
    if (json->depth == 0) {
        fputc('\n', json->out);
    }
}

void json_text(struct json *json, const char *name, const char *text)
{
    begin_member(json, name);
    print_quoted(json->out, text != NULL ? text : "");
}

void json_uint(struct json *json, const char *name, uint64_t value)
{
    begin_member(json, name);
    fprintf(json->out, "%" PRIu64, value);
}

void json_int(struct json *json, const char *name, int64_t value)
{
    begin_member(json, name);
    fprintf(json->out, "%" PRId64, value);
}

void json_double(struct json *json, const char *name, double value)
{
    begin_member(json, name);
    fprintf(json->out, "%.17g", value);
}

void json_bool(struct json *json, const char *name, bool value)
{
    begin_member(json, name);
    fputs(value ? "true" : "false", json->out);
}

void json_put_null(struct json *json, const char *name)
{
    begin_member(json, name);
    fputs("null", json->out);
}

void json_thousandths(struct json *json, const char *name, uint64_t value)
{
    begin_member(json, name);
    fprintf(json->out, "%" PRIu64 ".%03u", value / 1000, (unsigned)(value % 1000));
}

void json_millionths(struct json *json, const char *name, uint64_t value)
{
    begin_member(json, name);
    fprintf(json->out, "%" PRIu64 ".%06u", value / 1000000, (unsigned)(value % 1000000));
}

void json_labels(struct json *json, const char *name, const char *labels)
{
    char *key = NULL;
    char *value = NULL;
    json_object(json, name);
    while (labels_next(&labels, &key, &value)) {
        json_text(json, key, value);
        free(key);
        free(value);
    }
    json_end(json);
}

void json_command(struct json *json, const char *name, const char *command)
{
    json_array(json, name);
    while (command != NULL && command[0] != '\0') {
        size_t length = strcspn(command, "\x1f");
        char *argument = mem_format("%.*s", (int)length, command);
        json_text(json, NULL, argument);
        free(argument);
        command += length + (command[length] != '\0');
    }
    json_end(json);
}
