#include "log_parse.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct log_line line;

static enum log_defect parse(const char *text)
{
    return log_parse(text, strlen(text), &line);
}

static void expect_field(size_t index, enum log_kind kind, const char *text)
{
    cr_assert_lt(index, line.count);
    const struct log_field *field = &line.fields[index];
    cr_assert_eq(field->kind, kind);
    cr_assert_eq(field->bytes, strlen(text), "field %zu: %.*s", index, (int)field->bytes,
                 field->at);
    cr_assert_arr_eq(field->at, text, field->bytes);
}

Test(log_parse, splits_words_quotes_and_brackets)
{
    cr_assert_eq(parse("Dec 10\t06:55:46  sshd[24200]: [pre auth] \"a b\""), LOG_FINE);
    cr_assert_eq(line.count, 6);
    expect_field(2, LOG_WORD, "06:55:46");
    expect_field(3, LOG_WORD, "sshd[24200]:");
    expect_field(4, LOG_BRACKETED, "pre auth");
    expect_field(5, LOG_QUOTED, "a b");
    cr_assert_not(line.is_access);
}

Test(log_parse, starts_a_field_right_behind_a_closing_quote)
{
    cr_assert_eq(parse("[error]: \"GET /\", host"), LOG_FINE);
    expect_field(0, LOG_BRACKETED, "error");
    expect_field(1, LOG_WORD, ":");
    expect_field(2, LOG_QUOTED, "GET /");
    expect_field(3, LOG_WORD, ",");
}

Test(log_parse, escaped_quote_does_not_end_a_string)
{
    cr_assert_eq(parse("\"say \\\"hi\\\"\" \"ends \\\\\" \"\""), LOG_FINE);
    cr_assert_eq(line.count, 3);
    expect_field(0, LOG_QUOTED, "say \\\"hi\\\"");
    expect_field(1, LOG_QUOTED, "ends \\\\");
    expect_field(2, LOG_QUOTED, "");
}

Test(log_parse, says_what_is_wrong_with_a_line)
{
    cr_assert_eq(parse(""), LOG_EMPTY);
    cr_assert_eq(parse(" \t "), LOG_EMPTY);
    cr_assert_eq(parse("\r"), LOG_EMPTY);
    cr_assert_eq(parse("a \"b"), LOG_OPEN_QUOTE);
    cr_assert_eq(parse("a \"b\\\""), LOG_OPEN_QUOTE);
    cr_assert_eq(parse("\""), LOG_OPEN_QUOTE);
    cr_assert_eq(parse("a [b"), LOG_OPEN_BRACKET);
    cr_assert_eq(log_parse("a\0b", 3, &line), LOG_BINARY);
}

Test(log_parse, carriage_return_at_the_end_is_not_text)
{
    cr_assert_eq(parse("one two\r"), LOG_FINE);
    expect_field(1, LOG_WORD, "two");
    cr_assert_eq(parse("one\rtwo"), LOG_FINE);
    expect_field(0, LOG_WORD, "one\rtwo");
}

#define STAMP "[10/Oct/2026:13:55:36 -0700]"

Test(log_parse, knows_the_combined_and_the_common_format)
{
    cr_assert_eq(parse("::1 - bob " STAMP " \"GET / HTTP/1.0\" 200 2326 \"-\" \"curl\""), LOG_FINE);
    cr_assert(line.is_access);
    cr_assert_eq(line.count, 9);
    cr_assert_eq(parse("::1 - bob " STAMP " \"GET / HTTP/1.0\" 200 -"), LOG_FINE);
    cr_assert(line.is_access);
    cr_assert_eq(parse("::1 - bob " STAMP " \"-\" 408 - \"-\" \"-\" 4711 tls"), LOG_FINE);
    cr_assert(line.is_access);
    cr_assert_eq(line.count, 11);
}

Test(log_parse, access_line_that_is_cut_is_malformed)
{
    cr_assert_eq(parse("::1 - bob " STAMP), LOG_BAD_ACCESS);
    cr_assert_eq(parse("::1 - bob " STAMP " \"GET / HTTP/1.0\""), LOG_BAD_ACCESS);
    cr_assert_eq(parse("::1 - bob " STAMP " \"GET / HTTP/1.0\" 20"), LOG_BAD_ACCESS);
    cr_assert_eq(parse("::1 - bob " STAMP " \"GET / HTTP/1.0\" 200"), LOG_BAD_ACCESS);
    cr_assert_eq(parse("::1 - bob " STAMP " \"GET / HTTP/1.0\" 200 1 \"-\""), LOG_BAD_ACCESS);
    cr_assert_eq(parse("::1 - bob " STAMP " GET / HTTP/1.0 200 1 \"-\" \"-\""), LOG_BAD_ACCESS);
    cr_assert_eq(parse("::1 - bob " STAMP " \"GET / 200 1 \"-\" \"-\""), LOG_BAD_ACCESS);
    cr_assert_eq(parse("::1 - bob [Sun Dec 04 04:47:44 2005] up"), LOG_FINE, "another log's stamp");
}

Test(log_parse, takes_a_line_of_a_megabyte)
{
    size_t bytes = 1024 * 1024;
    char *text = malloc(bytes);
    memset(text, 'x', bytes);
    text[3] = ' ';
    cr_assert_eq(log_parse(text, bytes, &line), LOG_FINE);
    cr_assert_eq(line.count, 2);
    cr_assert_eq(line.fields[1].bytes, bytes - 4);
    text[4] = '"';
    cr_assert_eq(log_parse(text, bytes, &line), LOG_OPEN_QUOTE);
    free(text);
}

Test(log_parse, refuses_more_fields_than_it_has_room_for)
{
    size_t words = LOG_FIELDS_MAX + 1;
    char *text = malloc(words * 2);
    for (size_t i = 0; i < words; i++) {
        memcpy(text + 2 * i, "w ", 2);
    }
    cr_assert_eq(log_parse(text, words * 2 - 2, &line), LOG_FINE);
    cr_assert_eq(line.count, LOG_FIELDS_MAX);
    cr_assert_eq(log_parse(text, words * 2, &line), LOG_TOO_MANY_FIELDS);
    free(text);
}

Test(log_parse, splits_a_request_into_three)
{
    struct log_field words[3];
    struct log_field request = {"GET /a?b HTTP/1.1", 17, LOG_QUOTED};
    cr_assert(log_parse_request(&request, words));
    cr_assert_eq(words[0].bytes, 3);
    cr_assert_arr_eq(words[1].at, "/a?b", 4);
    cr_assert_eq(words[2].bytes, 8);
    static const char *const others[] = {"", "-", "GET /", "GET  / HTTP/1.1", "A B C D", "A B "};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        request = (struct log_field){others[i], strlen(others[i]), LOG_QUOTED};
        cr_assert_not(log_parse_request(&request, words), "%s", others[i]);
    }
}

static void expect_unescaped(const char *text, const char *expected, size_t expected_bytes)
{
    char out[64];
    size_t count = 0;
    size_t left = strlen(text);
    while (left > 0) {
        char scratch;
        const char *piece = NULL;
        size_t piece_bytes = 0;
        size_t used = log_unescape(text, left, &scratch, &piece, &piece_bytes);
        cr_assert_gt(used, 0);
        memcpy(out + count, piece, piece_bytes);
        count += piece_bytes;
        text += used;
        left -= used;
    }
    cr_assert_eq(count, expected_bytes);
    cr_assert_arr_eq(out, expected, count);
}

Test(log_parse, reads_escapes_as_apache_writes_them)
{
    expect_unescaped("plain", "plain", 5);
    expect_unescaped("\\\"a\\\\b\\\"", "\"a\\b\"", 5);
    expect_unescaped("caf\\xc3\\xA9\\n", "caf\xc3\xa9\n", 6);
    expect_unescaped("\\q \\x4 \\", "\\q \\x4 \\", 8);
}
