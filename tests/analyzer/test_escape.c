#include "base/escape.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void check(char *escaped, const char *expected)
{
    cr_assert_str_eq(escaped, expected);
    free(escaped);
}

Test(escape, what_is_plain_for_json_is_not_changed)
{
    for (int c = 1; c < 256; c++) {
        char text[] = {'a', (char)c, 'b', '\0'};
        char *escaped = escape_json(text);
        cr_assert_eq(escape_json_is_plain(text), strcmp(text, escaped) == 0, "byte %d", c);
        free(escaped);
    }
    cr_assert(escape_json_is_plain(""));
    cr_assert_not(escape_json_is_plain("\u00e9"), "not worth a look");
}

Test(escape, leaves_readable_text_alone)
{
    check(escape_terminal("std::map<int, T>::at() caf\u00e9 \u4e2d"),
          "std::map<int, T>::at() caf\u00e9 \u4e2d");
    check(escape_terminal(""), "");
}

Test(escape, terminal_shows_control_characters)
{
    check(escape_terminal("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
    check(escape_terminal("a\nb\tc\rd"), "a\\x0ab\\x09c\\x0dd");
    check(escape_terminal("\x7f"), "\\x7f");
}

Test(escape, terminal_shows_c1_however_it_is_written)
{
    check(escape_terminal("\xc2\x9b"
                          "31m"),
          "\\xc2\\x9b31m");
    check(escape_terminal("\x9b"
                          "31m"),
          "\\x9b31m");
}

Test(escape, terminal_shows_bytes_that_are_not_utf8)
{
    check(escape_terminal("\xff\xfe"), "\\xff\\xfe");
    check(escape_terminal("\xc0\xaf"), "\\xc0\\xaf");                   /* overlong */
    check(escape_terminal("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");          /* overlong */
    check(escape_terminal("\xed\xa0\x80"), "\\xed\\xa0\\x80");          /* surrogate */
    check(escape_terminal("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); /* too large */
    check(escape_terminal("x\xe4\xb8"), "x\\xe4\\xb8");                 /* cut at the end */
}

Test(escape, terminal_shows_what_turns_or_hides_text)
{
    check(escape_terminal("a\u202eb"), "a\\xe2\\x80\\xaeb");
    check(escape_terminal("\u2066"), "\\xe2\\x81\\xa6");
    check(escape_terminal("\u200b\ufeff"), "\\xe2\\x80\\x8b\\xef\\xbb\\xbf");
    check(escape_terminal("\u061c"), "\\xd8\\x9c");
}

Test(escape, json_escapes_quotes_and_controls)
{
    check(escape_json("a\"b\\c\n\t\x01\x7f"), "a\\\"b\\\\c\\n\\t\\u0001\\u007f");
    check(escape_json("\u2028\u00e9"), "\\u2028\u00e9");
}

Test(escape, json_replaces_what_is_not_utf8)
{
    check(escape_json("a\xff\xc3"), "a\\ufffd\\ufffd");
    check(escape_json("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");
    check(escape_json("\U0001F600"), "\U0001F600");
}

Test(escape, markdown_has_no_markup_left)
{
    check(escape_markdown("a|b*c_d<e>"), "a\\|b\\*c\\_d\\<e\\>");
    check(escape_markdown("[x](y) #1 @me\n"), "\\[x\\](y) &#35;1 &#64;me\\x0a");
}

Test(escape, markdown_code_outgrows_every_fence_within)
{
    check(escape_markdown_code("operator new[](unsigned long)"), "`operator new[](unsigned long)`");
    check(escape_markdown_code("a|b"), "`a\\|b`");
    check(escape_markdown_code("x`y``z"), "``` x`y``z ```");
    check(escape_markdown_code("\x1b"), "`\\x1b`");
}

Test(escape, html_has_no_markup_left)
{
    check(escape_html("a<b>&\"'c"), "a&lt;b&gt;&amp;&quot;&#39;c");
    check(escape_html("</script>\x1b\xff\u202e\u00e9"),
          "&lt;/script&gt;\\x1b\\xff\\xe2\\x80\\xae\u00e9");
}
