/*
 * table - columns of text for people: numbers to the right, names cut in the middle, no line over
 * the width. One table prints as text, as a GitHub markdown table or as an HTML one. Cells hold raw
 * strings; they are escaped when printed. Widths are columns of a terminal (wcwidth of UTF-8,
 * whatever the user's locale is).
 */
#ifndef ALLOCTRAP_BASE_TABLE_H
#define ALLOCTRAP_BASE_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum table_kind {
    TABLE_WORD,   /* to the left, cut in the middle beyond TABLE_WORD_MAX */
    TABLE_NUMBER, /* to the right */
    TABLE_NAME,   /* to the left, gets what is left of the width and is cut in its middle; the last
                     column. Where less than TABLE_NAME_MIN is left and names do not fit, they get
                     lines   of their own. */
    TABLE_REMARK, /* as TABLE_NAME, but words, not a name: no code in markdown */
    TABLE_CODE    /* as TABLE_NAME, but always beside the numbers, however little room is left */
};

enum { TABLE_WORD_MAX = 28, TABLE_NAME_MIN = 60, TABLE_INDENT = 2 };

struct table_column {
    const char *title;
    enum table_kind kind;
};

struct table;

/* columns is copied; its titles are borrowed. Without any title there is no line of titles. */
struct table *table_create(const struct table_column *columns, size_t count);
void table_destroy(struct table *table);

/* The next cell, row by row. text is copied. */
void table_add(struct table *table, const char *text);

/* A line under the row that was begun last, under its name. text is copied. */
void table_note(struct table *table, const char *text);

/* Rows with at least one cell. */
size_t table_rows(const struct table *table);

void table_print_text(const struct table *table, FILE *out, unsigned width);
void table_print_markdown(const struct table *table, FILE *out);
void table_print_html(const struct table *table, FILE *out);

/* How many columns text takes on a terminal; text is already escaped. */
unsigned table_text_width(const char *text);

/* A copy of text (already escaped) of at most width columns, "..." in its middle where something
 * is left out; free() it. */
char *table_cut(const char *text, unsigned width);

#endif
