#include "base/table.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void check_cut(const char *text, unsigned width, const char *expected)
{
    char *cut = table_cut(text, width);
    cr_assert_str_eq(cut, expected);
    cr_assert_leq(table_text_width(cut), width);
    free(cut);
}

Test(table, cuts_in_the_middle)
{
    check_cut("abcdefghij", 10, "abcdefghij");
    check_cut("abcdefghij", 9, "abc...hij");
    check_cut("abcdefghij", 8, "abc...ij");
    check_cut("abcdefghij", 3, "abc");
    check_cut("abcdefghij", 1, "a");
}

Test(table, cuts_by_columns_not_bytes)
{
    cr_assert_eq(table_text_width("\u4e2d\u6587"), 4);
    cr_assert_eq(table_text_width("e\u0301"), 1);
    check_cut("\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587", 8, "\u4e2d...\u6587");
}

static char *printed(const struct table *table, unsigned width)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (width == 0) {
        table_print_markdown(table, out);
    } else {
        table_print_text(table, out, width);
    }
    fclose(out);
    return text;
}

static struct table *sample(void)
{
    static const struct table_column columns[] = {
        {"what", TABLE_WORD}, {"calls", TABLE_NUMBER}, {"where", TABLE_NAME}};
    struct table *table = table_create(columns, 3);
    table_add(table, "malloc");
    table_add(table, "1,234");
    table_add(table, "std::vector<std::string>::push_back(std::string const&) at main.cc:12");
    table_note(table, "called by main at main.cc:40");
    table_add(table, "\x1b[2J");
    table_add(table, "5");
    table_add(table, "a|b");
    return table;
}

Test(table, aligns_and_cuts_to_the_width)
{
    struct table *table = sample();
    char *text = printed(table, 78);
    cr_assert_str_eq(
        text, "  what     calls  where\n"
              "  malloc   1,234  std::vector<std::string>::pus...string const&) at main.cc:12\n"
              "                    called by main at main.cc:40\n"
              "  \\x1b[2J      5  a|b\n");
    free(text);
    table_destroy(table);
}

Test(table, gives_the_name_its_own_line_when_narrow)
{
    struct table *table = sample();
    char *text = printed(table, 44);
    cr_assert_str_eq(text, "  what     calls\n"
                           "  malloc   1,234\n"
                           "    std::vector<std::st...st&) at main.cc:12\n"
                           "        called by main at main.cc:40\n"
                           "  \\x1b[2J      5\n"
                           "    a|b\n");
    free(text);
    table_destroy(table);
}

Test(table, no_line_is_over_the_width)
{
    struct table *table = sample();
    for (unsigned width = 24; width < 130; width++) {
        char *text = printed(table, width);
        for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            cr_assert_leq(table_text_width(line), width, "at %u: %s", width, line);
        }
        free(text);
    }
    table_destroy(table);
}

Test(table, prints_markdown)
{
    struct table *table = sample();
    char *text = printed(table, 0);
    cr_assert_str_eq(text, "| what | calls | where |\n"
                           "|---|---:|---|\n"
                           "| malloc | 1,234 | `std::vector<std::string>::push_back(std::string "
                           "const&) at main.cc:12`<br>`called by main at main.cc:40` |\n"
                           "| \\x1b\\[2J | 5 | `a\\|b` |\n");
    free(text);
    table_destroy(table);
}

Test(table, code_stays_beside_its_numbers_and_loses_its_end)
{
    static const struct table_column columns[] = {{"n", TABLE_NUMBER}, {"source", TABLE_CODE}};
    struct table *table = table_create(columns, 2);
    table_add(table, "1,234");
    table_add(table, "    call(\t0123456789 0123456789);");
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    table_print_text(table, out, 30);
    table_print_markdown(table, out);
    fclose(out);
    cr_assert_str_eq(text, "      n  source\n"
                           "  1,234      call(\\x0901234...\n"
                           "| n | source |\n|---:|---|\n"
                           "| 1,234 | `    call(\\x090123456789 0123456789);` |\n");
    free(text);
    table_destroy(table);
}

Test(table, html_has_titles_notes_and_numbers_to_the_right)
{
    static const struct table_column columns[] = {{"calls", TABLE_NUMBER}, {"where", TABLE_NAME}};
    struct table *table = table_create(columns, 2);
    table_add(table, "12");
    table_add(table, "f<int>");
    table_note(table, "called by <main>");
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    table_print_html(table, out);
    fclose(out);
    cr_assert_str_eq(text, "<table>\n"
                           "<thead><tr><th class=n>calls</th><th>where</th></tr></thead>\n"
                           "<tbody>\n"
                           "<tr><td class=n>12</td><td>f&lt;int&gt;"
                           "<br><small>called by &lt;main&gt;</small></td></tr>\n"
                           "</tbody></table>\n");
    free(text);
    table_destroy(table);
}
