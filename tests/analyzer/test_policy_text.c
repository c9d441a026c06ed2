/* Where things stand in a YAML file, and short forms written out. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "budget/policy_text.h"

static struct policy_text open_text(const char *bytes)
{
    struct policy_text text;
    struct err err = {0};
    cr_assert_eq(policy_text_take("p", bytes, strlen(bytes), &text, &err), ERR_NONE, "%s",
                 err.message);
    return text;
}

static void stands_at(const struct policy_text *text, const char *way, size_t line, size_t column)
{
    struct policy_place place = policy_text_place(text, way);
    cr_assert(place.line == line && place.column == column, "%s is at %zu:%zu", way, place.line,
              place.column);
}

Test(policy_text, places_are_of_values_or_of_the_last_part_there_is)
{
    struct policy_text text = open_text("a: 1\nlist:\n  - { x: 2, y: 3 }\n  - z: 4\n");
    stands_at(&text, "a", 1, 4);
    stands_at(&text, "list/0/y", 3, 16);
    stands_at(&text, "list/1/z", 4, 8);
    stands_at(&text, "list/1/nothing", 4, 5);
    stands_at(&text, "list/9", 3, 3);
    struct policy_place key = policy_text_key(&text, "list/0", "y");
    cr_assert(key.line == 3 && key.column == 13);
    cr_assert_eq(policy_text_count(&text, "list"), 2);
    cr_assert_eq(policy_text_count(&text, "a"), 0);
    policy_text_finish(&text);
}

Test(policy_text, short_forms_are_wrapped_in_bytes_not_characters)
{
    struct policy_text text = open_text("é: { t: 5%, u: 1 }\nt: 6%\nlong: { t: { x: 1 } }\n");
    char first[] = "é/t";
    char second[] = "t";
    char long_form[] = "long/t";
    char missing[] = "none";
    char *ways[] = {second, first, long_form, missing};
    policy_text_wrap(&text, ways, 4, "{r: ", "}");
    cr_assert_str_eq(text.bytes, "é: { t: {r: 5%}, u: 1 }\nt: {r: 6%}\nlong: { t: { x: 1 } }\n");
    cr_assert_eq(text.length, strlen(text.bytes));
    policy_text_finish(&text);
}

Test(policy_text, a_missing_file_is_told)
{
    struct policy_text text;
    struct err err = {0};
    cr_assert_eq(policy_text_read("/nowhere/p.yaml", &text, &err), ERR_USAGE);
    cr_assert_not_null(strstr(err.message, "--budget=FILE"));
}
