#include "view/page.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What a paragraph and a heading look like. */
static char *printed(enum page_form form, unsigned width, bool is_coloured)
{
    char *text = NULL;
    size_t length = 0;
    struct page page = {open_memstream(&text, &length), form, width, is_coloured};
    page_heading(&page, "Title");
    page_say(&page, "%s words of a <paragraph> that wraps", "some");
    page_warn(&page, "beware \x1b of this");
    fclose(page.out);
    return text;
}

Test(page, text_wraps_between_words)
{
    char *text = printed(PAGE_TEXT, 20, false);
    cr_assert_str_eq(text, "\nTitle\n"
                           "some words of a\n"
                           "<paragraph> that\n"
                           "wraps\n"
                           "beware \\x1b of this\n");
    free(text);
}

Test(page, a_word_wider_than_the_page_is_cut)
{
    char *text = NULL;
    size_t length = 0;
    struct page page = {open_memstream(&text, &length), PAGE_TEXT, 10, false};
    page_say(&page, "a 0123456789abcdef b");
    fclose(page.out);
    cr_assert_str_eq(text, "a\n0123...def\nb\n");
    free(text);
}

Test(page, markdown_has_no_colours_and_no_markup_from_outside)
{
    char *text = printed(PAGE_MARKDOWN, 20, false);
    cr_assert_str_eq(text, "### Title\n\n"
                           "some words of a \\<paragraph\\> that wraps\n\n"
                           "beware \\x1b of this\n\n");
    free(text);
}

Test(page, colours_begin_and_end)
{
    char *text = printed(PAGE_TEXT, 80, true);
    cr_assert_not_null(strstr(text, "\x1b[1mTitle\x1b[0m"));
    cr_assert_not_null(strstr(text, "\x1b[1;33mbeware"));
    free(text);
}

Test(page, a_stream_that_is_no_terminal_has_the_standard_width)
{
    FILE *out = fopen("/dev/null", "w");
    struct page page = page_on(out, PAGE_TEXT);
    cr_assert_eq(page.width, PAGE_WIDTH);
    cr_assert_not(page.is_coloured);
    fclose(out);
}

Test(page, html_has_elements_and_no_markup_from_outside)
{
    char *text = printed(PAGE_HTML, 20, false);
    cr_assert_str_eq(text, "<h2>Title</h2>\n"
                           "<p>some words of a &lt;paragraph&gt; that wraps</p>\n"
                           "<div class=warn><p>beware \\x1b of this</p>\n</div>\n");
    free(text);
}
