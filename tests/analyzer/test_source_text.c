#include "symbol/source_text.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_source_text-XXXXXX";
static const struct source_times no_times = {NULL, 0};

static void make(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void clean(void)
{
    unlink("a.c");
    unlink("program");
    rmdir(folder);
}

TestSuite(source_text, .init = make, .fini = clean);

static void write_file(const char *name, const char *bytes, size_t count)
{
    FILE *out = fopen(name, "w");
    cr_assert_eq(fwrite(bytes, 1, count, out), count);
    fclose(out);
}

static void set_time(const char *name, time_t seconds)
{
    struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    cr_assert_eq(utimensat(AT_FDCWD, name, times, 0), 0);
}

static struct source_text load(const char *bytes)
{
    struct source_text text;
    write_file("a.c", bytes, strlen(bytes));
    source_text_load("a.c", &no_times, &text);
    return text;
}

static void check_line(const struct source_text *text, uint32_t line, const char *wanted)
{
    char *found = source_text_line(text, line);
    cr_assert_str_eq(found, wanted, "line %u", line);
    free(found);
}

Test(source_text, lines_are_without_their_ends)
{
    struct source_text text = load("one\r\n\n  three \t\nlast");
    cr_assert_eq(text.state, SOURCE_FINE);
    cr_assert_eq(text.line_count, 4);
    check_line(&text, 1, "one");
    check_line(&text, 2, "");
    check_line(&text, 3, "  three");
    check_line(&text, 4, "last");
    check_line(&text, 0, "");
    check_line(&text, 5, "");
    check_line(&text, UINT32_MAX, "");
    source_text_finish(&text);
    text = load("");
    cr_assert_eq(text.line_count, 0);
    check_line(&text, 1, "");
    source_text_finish(&text);
}

Test(source_text, tabs_become_columns)
{
    struct source_text text = load("\ta\tbc\tdefg\th\n\fx\n");
    check_line(&text, 1, "    a   bc  defg    h");
    check_line(&text, 2, " x");
    source_text_finish(&text);
}

Test(source_text, long_lines_are_cut_between_characters)
{
    static char bytes[100001];
    for (size_t i = 0; i + 2 < sizeof bytes; i += 2) {
        memcpy(bytes + i, "\xc3\xa4", 2);
    }
    bytes[0] = 'x';
    bytes[1] = 'y';
    memmove(bytes + 1, bytes + 2, sizeof bytes - 3);
    struct source_text text = load(bytes);
    char *line = source_text_line(&text, 1);
    size_t length = strlen(line);
    cr_assert_eq(length, SOURCE_LINE_MAX - 1 + strlen("..."));
    cr_assert_str_eq(line + length - 5, "\xc3\xa4...");
    free(line);
    memset(bytes, '\t', sizeof bytes - 2);
    bytes[sizeof bytes - 2] = 'x';
    source_text_finish(&text);
    text = load(bytes);
    line = source_text_line(&text, 1);
    cr_assert_eq(strlen(line), SOURCE_LINE_MAX * SOURCE_TAB + strlen("..."));
    free(line);
    source_text_finish(&text);
}

static void check_state(const char *path, enum source_state state, const char *words)
{
    struct source_text text;
    source_text_load(path, &no_times, &text);
    cr_assert_eq(text.state, state, "%s", path);
    cr_assert_eq(text.line_count, 0);
    check_line(&text, 1, "");
    char *note = source_text_note(&text, path, "/bin/x");
    cr_assert(strstr(note, words) != NULL && strstr(note, path) == note, "%s", note);
    free(note);
    source_text_finish(&text);
}

Test(source_text, what_cannot_be_shown_says_why)
{
    check_state("missing.c", SOURCE_MISSING, "No such file or directory; --source-map=FROM=TO");
    check_state(folder, SOURCE_NO_FILE, "not a regular file");
    check_state("/dev/zero", SOURCE_NO_FILE, "not a regular file");
    write_file("a.c", "text\0more", 9);
    check_state("a.c", SOURCE_BINARY, "is not text");
    cr_assert_eq(truncate("a.c", SOURCE_BYTES_MAX + 1), 0);
    check_state("a.c", SOURCE_TOO_LARGE, "larger than 16 MiB");
}

/* In /proc and the like a file has no size: nothing is read of it. */
Test(source_text, files_without_a_size_are_empty)
{
    struct source_text text;
    source_text_load("/proc/self/environ", &no_times, &text);
    cr_assert_eq(text.line_count, 0);
    source_text_finish(&text);
}

static enum source_age age(time_t source, time_t module, time_t run, const char *words)
{
    struct source_times times = {module != 0 ? "program" : "gone",
                                 (uint64_t)run * UINT64_C(1000000000)};
    struct source_text text;
    write_file("a.c", "x\n", 2);
    set_time("a.c", source);
    write_file("program", "x", 1);
    set_time("program", module);
    source_text_load("a.c", &times, &text);
    char *note = source_text_note(&text, "a.c", "/bin/x");
    cr_assert(words == NULL ? note[0] == '\0' : strstr(note, words) != NULL, "%s", note);
    free(note);
    enum source_age found = text.age;
    cr_assert_eq(text.line_count, 1, "it is shown all the same");
    source_text_finish(&text);
    return found;
}

Test(source_text, a_file_changed_since_is_said_to_be)
{
    cr_assert_eq(age(100, 200, 300, NULL), SOURCE_AS_BUILT);
    cr_assert_eq(age(250, 200, 300, "a.c is newer than /bin/x"), SOURCE_AFTER_BUILD);
    cr_assert_eq(age(350, 200, 300, "after the recording began"), SOURCE_AFTER_RUN);
    cr_assert_eq(age(350, 400, 300, "after the recording began"), SOURCE_AFTER_RUN,
                 "built again since");
    cr_assert_eq(age(250, 0, 300, NULL), SOURCE_AS_BUILT, "the program is gone");
    cr_assert_eq(age(250, 300, 0, NULL), SOURCE_AS_BUILT, "when it ran is unknown");
}
