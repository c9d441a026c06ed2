#include "line_reader.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct line_reader reader;

/* A file with these bytes, open at its beginning. */
static FILE *file_of(const char *bytes, size_t count)
{
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, count, file), count);
    rewind(file);
    cr_assert(line_reader_open(&reader, fileno(file)));
    return file;
}

static void close_file(FILE *file)
{
    line_reader_close(&reader);
    fclose(file);
}

static void expect_line(const char *text, size_t bytes)
{
    struct line_part part;
    cr_assert_eq(line_reader_next(&reader, &part), 1);
    cr_assert_eq(part.bytes, bytes);
    cr_assert_arr_eq(part.text, text, bytes);
    cr_assert(part.is_first && part.is_last);
}

static void expect_end(void)
{
    struct line_part part;
    cr_assert_eq(line_reader_next(&reader, &part), 0);
}

Test(line_reader, gives_lines_with_their_nul_bytes_and_without_newlines)
{
    FILE *file = file_of("one\n\nt\0o\r\nlast", 14);
    expect_line("one", 3);
    expect_line("", 0);
    expect_line("t\0o\r", 4);
    expect_line("last", 4);
    expect_end();
    expect_end();
    cr_assert_eq(reader.bytes_in, 14);
    close_file(file);
}

Test(line_reader, has_no_line_in_an_empty_file)
{
    FILE *file = file_of("", 0);
    expect_end();
    close_file(file);
}

Test(line_reader, reads_lines_of_every_length_around_its_steps)
{
    FILE *file = tmpfile();
    static char text[200000];
    memset(text, 'x', sizeof text);
    for (size_t bytes = 65000; bytes < 200000; bytes += 13337) {
        text[bytes] = '\n';
        cr_assert_eq(fwrite(text, 1, bytes + 1, file), bytes + 1);
        text[bytes] = 'x';
    }
    rewind(file);
    cr_assert(line_reader_open(&reader, fileno(file)));
    for (size_t bytes = 65000; bytes < 200000; bytes += 13337) {
        expect_line(text, bytes);
    }
    expect_end();
    close_file(file);
}

/* bytes of text that is "é" over and over, behind one "x", so that a cut at the end of the buffer
 * would fall into a character. */
static char *accents(size_t bytes)
{
    char *text = malloc(bytes);
    text[0] = 'x';
    for (size_t i = 1; i < bytes; i++) {
        text[i] = i % 2 == 1 ? '\xc3' : '\xa9';
    }
    return text;
}

Test(line_reader, gives_a_line_that_is_too_long_in_parts_between_characters)
{
    size_t bytes = 2 * (size_t)LINE_BYTES_MAX + 7;
    char *text = accents(bytes);
    FILE *file = file_of(text, bytes);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    fputs("\nnext\n", file);
    rewind(file);
    size_t seen = 0;
    struct line_part part = {.is_last = false};
    for (int i = 0; !part.is_last; i++) {
        cr_assert_eq(line_reader_next(&reader, &part), 1);
        cr_assert_eq(part.is_first, i == 0);
        cr_assert(i == 0 || part.text[0] == '\xc3', "no part begins within a character");
        cr_assert_arr_eq(part.text, text + seen, part.bytes);
        seen += part.bytes;
    }
    cr_assert_eq(seen, bytes);
    expect_line("next", 4);
    expect_end();
    free(text);
    close_file(file);
}

Test(line_reader, ends_a_long_line_at_the_end_of_the_file)
{
    char *text = accents(LINE_BYTES_MAX);
    FILE *file = file_of(text, LINE_BYTES_MAX);
    struct line_part part;
    cr_assert_eq(line_reader_next(&reader, &part), 1);
    cr_assert(part.is_first && !part.is_last);
    size_t seen = part.bytes;
    cr_assert_eq(line_reader_next(&reader, &part), 1);
    cr_assert(!part.is_first && part.is_last);
    cr_assert_eq(seen + part.bytes, LINE_BYTES_MAX);
    expect_end();
    free(text);
    close_file(file);
}

Test(line_reader, says_that_a_read_failed)
{
    struct line_part part;
    cr_assert(line_reader_open(&reader, -1));
    cr_assert_eq(line_reader_next(&reader, &part), -1);
    line_reader_close(&reader);
}
