#include "insight/site_callers.h"

#include <criterion/criterion.h>
#include <string.h>

#include "story_profile.h"

/* A list of stacks made of letters, innermost first: "cba" is c called by b called by a. Capital
 * letters are inlined; '.' has no name. */
static struct site_stack stack_of(const char *letters)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    struct site_stack stack = {.count = strlen(letters)};
    stack.at = mem_zero(stack.count, sizeof *stack.at);
    for (size_t i = 0; i < stack.count; i++) {
        bool is_inlined = letters[i] >= 'A' && letters[i] <= 'Z';
        bool is_named = letters[i] != '.';
        stack.at[i] =
            (struct site_frame){.function = is_named ? names[(letters[i] | 0x20) - 'a'] : "",
                                .file = is_named ? "x.c" : "",
                                .module = "/bin/x",
                                .offset = i,
                                .line = is_named ? 1 : 0,
                                .is_inlined = is_inlined};
    }
    return stack;
}

/* What is shown of the first of the stacks, as letters; '~' where callers are left out. */
static void check_shown(const char *const *stacks, const char *expected)
{
    struct site_callers_list list = {0};
    for (size_t i = 0; stacks[i] != NULL; i++) {
        struct site_stack stack = stack_of(stacks[i]);
        site_callers_add(&list, &stack, 0);
        site_stack_finish(&stack);
    }
    struct site_stack stack = stack_of(stacks[0]);
    struct site_callers callers = site_callers_of(&list, &stack, 0);
    char text[16] = {0};
    size_t length = 0;
    for (size_t i = 0; i < callers.count; i++) {
        if (callers.left_out != 0 && i + 1 == callers.count) {
            text[length++] = '~';
        }
        text[length++] = stacks[0][callers.at[i]];
    }
    cr_assert_str_eq(text, expected, "%s: %s", stacks[0], text);
    site_stack_finish(&stack);
    site_callers_finish(&list);
}

#define CHECK_SHOWN(expected, ...) check_shown((const char *const[]){__VA_ARGS__, NULL}, expected)

Test(site_callers, two_callers_are_enough_where_nothing_looks_the_same)
{
    CHECK_SHOWN("bc", "abcdef", "bbcdef");
    CHECK_SHOWN("b", "ab");
    CHECK_SHOWN("", "a");
}

Test(site_callers, go_on_to_the_first_that_differs)
{
    CHECK_SHOWN("bcd", "abcdef", "abcef");
    CHECK_SHOWN("bcde", "abcdef", "abcdff");
    CHECK_SHOWN("bcdef", "abcdefg", "abcdehg");
    CHECK_SHOWN("bcd~h", "abcdefghi", "abcdefgii");
}

Test(site_callers, sites_that_never_differ_show_as_many_as_others)
{
    CHECK_SHOWN("bc", "abcdef", "abcdef");
}

Test(site_callers, halves_of_one_function_are_one)
{
    CHECK_SHOWN("Bc", "aBbcd", "bc");
    CHECK_SHOWN("Bcd", "aBbcde", "aBbcee");
}

Test(site_callers, go_out_to_a_name)
{
    CHECK_SHOWN("..d", "...def");
    CHECK_SHOWN("..", "........");
}
