#include "view/page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/mem.h"

#define STYLE_BOLD "\x1b[1m"
#define STYLE_WARN "\x1b[1;33m"
#define STYLE_NONE "\x1b[0m"

struct page page_on(FILE *out, enum page_form form)
{
    struct page page = {.out = out, .form = form, .width = PAGE_WIDTH};
    int fd = fileno(out);
    if (fd < 0 || isatty(fd) == 0) {
        return page;
    }
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
        page.width = size.ws_col < PAGE_WIDTH_MIN ? PAGE_WIDTH_MIN : size.ws_col;
    }
    const char *no_color = getenv("NO_COLOR");
    page.is_coloured = form == PAGE_TEXT && (no_color == NULL || no_color[0] == '\0');
    return page;
}

static void style(const struct page *page, const char *sequence)
{
    if (page->is_coloured) {
        fputs(sequence, page->out);
    }
}

/* <tag>text</tag> */
static void print_element(const struct page *page, const char *tag, const char *text)
{
    char *escaped = escape_html(text);
    fprintf(page->out, "<%s>%s</%s>\n", tag, escaped, tag);
    free(escaped);
}

void page_heading(const struct page *page, const char *text)
{
    if (page->form == PAGE_HTML) {
        print_element(page, "h2", text);
        return;
    }
    char *escaped = page->form == PAGE_TEXT ? escape_terminal(text) : escape_markdown(text);
    fputs(page->form == PAGE_TEXT ? "\n" : "### ", page->out);
    style(page, STYLE_BOLD);
    fputs(escaped, page->out);
    style(page, STYLE_NONE);
    fputs(page->form == PAGE_TEXT ? "\n" : "\n\n", page->out);
    free(escaped);
}

/* One word of an escaped paragraph; a word longer than a line is cut. */
static void print_word(const struct page *page, const char *word, unsigned *column)
{
    char *cut = table_cut(word, page->width);
    unsigned width = table_text_width(cut);
    if (*column != 0 && *column + 1 + width > page->width) {
        fputc('\n', page->out);
        *column = 0;
    }
    fprintf(page->out, "%s%s", *column != 0 ? " " : "", cut);
    *column += width + (*column != 0);
    free(cut);
}

static void print_paragraph(const struct page *page, const char *text)
{
    if (page->form == PAGE_HTML) {
        print_element(page, "p", text);
        return;
    }
    if (page->form == PAGE_MARKDOWN) {
        char *escaped = escape_markdown(text);
        fprintf(page->out, "%s\n\n", escaped);
        free(escaped);
        return;
    }
    char *escaped = escape_terminal(text);
    char *rest = NULL;
    unsigned column = 0;
    for (char *word = strtok_r(escaped, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        print_word(page, word, &column);
    }
    fputc('\n', page->out);
    free(escaped);
}

static void print_format(const struct page *page, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void print_format(const struct page *page, const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) >= 0) {
        print_paragraph(page, text);
        free(text);
    }
}

void page_say(const struct page *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_format(page, format, args);
    va_end(args);
}

void page_warn(const struct page *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs(page->form == PAGE_HTML ? "<div class=warn>" : "", page->out);
    style(page, STYLE_WARN);
    print_format(page, format, args);
    style(page, STYLE_NONE);
    fputs(page->form == PAGE_HTML ? "</div>\n" : "", page->out);
    va_end(args);
}

void page_command(const struct page *page, const char *command, unsigned column, const char *shows)
{
    if (page->form == PAGE_MARKDOWN) {
        char *code = escape_markdown_code(command);
        char *text = escape_markdown(shows);
        fprintf(page->out, "- %s: %s\n", code, text);
        free(code);
        free(text);
        return;
    }
    if (page->form == PAGE_HTML) {
        print_element(page, "code", command);
        print_element(page, "p", shows);
        return;
    }
    char *code = escape_terminal(command);
    unsigned width = table_text_width(code);
    column = column > width ? column : width;
    /* A command is there to be copied: never cut, even where it is wider than the page. */
    if (TABLE_INDENT + column + TABLE_INDENT + table_text_width(shows) <= page->width) {
        fprintf(page->out, "%*s%s%*s%s\n", TABLE_INDENT, "", code,
                (int)(column - width) + TABLE_INDENT, "", shows);
    } else {
        fprintf(page->out, "%*s%s\n%*s%s\n", TABLE_INDENT, "", code, 3 * TABLE_INDENT, "", shows);
    }
    free(code);
}

void page_code(const struct page *page, const char *code)
{
    if (page->form == PAGE_HTML) {
        print_element(page, "pre", code);
        return;
    }
    bool is_text = page->form == PAGE_TEXT;
    fputs(is_text ? "\n" : "```c\n", page->out);
    char *lines = mem_text(code);
    char *rest = NULL;
    for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *escaped = escape_terminal(line);
        fprintf(page->out, "%*s%s\n", is_text ? 2 * TABLE_INDENT : 0, "", escaped);
        free(escaped);
    }
    free(lines);
    fputs(is_text ? "\n" : "```\n\n", page->out);
}

void page_table(const struct page *page, struct table *table)
{
    if (page->form == PAGE_TEXT) {
        table_print_text(table, page->out, page->width);
    } else if (page->form == PAGE_HTML) {
        table_print_html(table, page->out);
    } else {
        table_print_markdown(table, page->out);
        fputc('\n', page->out); /* ends the table */
    }
    table_destroy(table);
}

enum err_code page_flush(FILE *out, struct err *reterr)
{
    if (fflush(out) == 0 && ferror(out) == 0) {
        return ERR_NONE;
    }
    if (errno == EPIPE) {
        return ERR_NONE;
    }
    return err_set(reterr, ERR_SYSTEM, NULL, "standard output: %s; the report is incomplete",
                   strerror(errno));
}
