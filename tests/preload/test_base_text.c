#include "base_text.h"

#include <criterion/criterion.h>

Test(base_text, pieces_are_put_together)
{
    char buffer[64];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add(&text, "a/");
    text_add_decimal(&text, 0);
    text_add(&text, ".");
    text_add_decimal(&text, UINT64_MAX);
    text_add(&text, ".");
    text_add_hex16(&text, 0xABC);
    cr_assert_str_eq(buffer, "a/0.18446744073709551615.0000000000000abc");
    cr_assert_not(text.is_cut);
}

Test(base_text, a_full_buffer_keeps_the_beginning_and_says_so)
{
    char buffer[4];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add(&text, "abcdef");
    text_add(&text, "g");
    cr_assert_str_eq(buffer, "abc");
    cr_assert(text.is_cut);
}
