#include "export_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Opens a side of a job; close_side() it. */
struct opened {
    struct selection selection;
    struct export_stacks *stacks;
};

static struct export_side open_side(struct opened *opened, const char *path,
                                    const struct profile *profile, const struct select_rule *rule)
{
    if (profile == NULL) {
        return (struct export_side){.path = NULL};
    }
    cr_assert_eq(select_sites(profile, rule, &opened->selection, NULL), ERR_NONE);
    opened->stacks = export_stacks_create(profile, &opened->selection);
    return (struct export_side){path != NULL ? path : "/no/such.atrap", profile, &opened->selection,
                                opened->stacks};
}

static void close_side(struct opened *opened)
{
    export_stacks_destroy(opened->stacks);
    select_finish(&opened->selection);
}

enum err_code export_text_try(const struct export_format *format, const struct profile *profile,
                              const struct export_job *asked, char **ret_bytes, size_t *ret_length,
                              struct err *reterr)
{
    struct opened side = {.stacks = NULL};
    struct opened base = {.stacks = NULL};
    struct export_job job = *asked;
    job.side = open_side(&side, asked->side.path, profile, &asked->rule);
    job.base = open_side(&base, NULL, asked->base.profile, &asked->rule);
    job.out = open_memstream(ret_bytes, ret_length);
    enum err_code code = format->write(&job, reterr);
    fclose(job.out);
    close_side(&base);
    close_side(&side);
    return code;
}

static char *write_text(const char *format, const struct profile *profile,
                        const struct export_job *asked, size_t *ret_length)
{
    const struct export_job bytes = {.metric = EXPORT_BYTES};
    struct err err = {0};
    char *text = NULL;
    cr_assert_eq(export_text_try(export_format_find(format), profile,
                                 asked != NULL ? asked : &bytes, &text, ret_length, &err),
                 ERR_NONE, "%s: %s", format, err.message);
    return text;
}

char *export_text(const char *format, const struct profile *profile, const struct export_job *asked)
{
    size_t length = 0;
    return write_text(format, profile, asked, &length);
}

json_t *export_text_json(const char *format, const struct profile *profile,
                         const struct export_job *asked)
{
    size_t length = 0;
    json_error_t error;
    char *text = write_text(format, profile, asked, &length);
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(root, "%s: line %d, column %d: %s", format, error.line, error.column,
                       error.text);
    free(text);
    return root;
}

uint64_t export_text_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_integer(value), "'%s' is a whole number", key);
    return (uint64_t)json_integer_value(value);
}

const char *export_text_string(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_string(value), "'%s' is a text", key);
    return json_string_value(value);
}

json_t *export_text_array(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    cr_assert(json_is_array(value), "'%s' is an array", key);
    return value;
}

uint64_t export_text_sum(const json_t *numbers)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < json_array_size(numbers); i++) {
        sum += (uint64_t)json_integer_value(json_array_get(numbers, i));
    }
    return sum;
}
