/*
 * page - what a report is written on: headings, paragraphs and tables, as text for a terminal, as
 * GitHub markdown or as HTML. Text keeps to the width; colours only where people look.
 * Everything handed in is raw: the page escapes for where it is printed.
 */
#ifndef ALLOCTRAP_VIEW_PAGE_H
#define ALLOCTRAP_VIEW_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/table.h"

enum page_form { PAGE_TEXT, PAGE_MARKDOWN, PAGE_HTML };

enum {
    PAGE_WIDTH = 100 /* where no terminal says otherwise */,
    PAGE_WIDTH_MIN = 80 /* numbers need as much */
};

struct page {
    FILE *out;
    enum page_form form;
    unsigned width;
    bool is_coloured;
};

/* A page on an open stream: the terminal's width, colours on a terminal without NO_COLOR. */
struct page page_on(FILE *out, enum page_form form);

/* A heading; what stands before it has ended its own line. */
void page_heading(const struct page *page, const char *text);

/* A paragraph, wrapped between words. warn: what must not be overlooked. */
__attribute__((format(printf, 2, 3))) void page_say(const struct page *page, const char *format,
                                                    ...);
__attribute__((format(printf, 2, 3))) void page_warn(const struct page *page, const char *format,
                                                     ...);

/* A shell command that the reader may want to run next, with what it shows, which begins behind
 * `column` columns of command where there is room. */
void page_command(const struct page *page, const char *command, unsigned column, const char *shows);

/* Lines of code, as they are. */
void page_code(const struct page *page, const char *code);

/* A table, and its end: the table is destroyed. */
void page_table(const struct page *page, struct table *table);

/* Writes out what is buffered. A reader that went away (a closed pipe) is no error. */
ERR_CHECKED enum err_code page_flush(FILE *out, struct err *reterr);

#endif
