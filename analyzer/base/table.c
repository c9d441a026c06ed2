#include "base/table.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/escape.h"
#include "base/mem.h"

enum { GAP = 2, DOTS = 3 };

struct note {
    size_t row;
    char *text;
};

struct table {
    struct table_column *columns;
    size_t column_count;
    MEM_ARRAY(char *) cells;
    MEM_ARRAY(struct note) notes;
};

struct table *table_create(const struct table_column *columns, size_t count)
{
    struct table *table = mem_zero(1, sizeof *table);
    table->columns = mem_zero(count, sizeof *columns);
    memcpy(table->columns, columns, count * sizeof *columns);
    table->column_count = count;
    return table;
}

void table_destroy(struct table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->cells.count; i++) {
        free(table->cells.at[i]);
    }
    for (size_t i = 0; i < table->notes.count; i++) {
        free(table->notes.at[i].text);
    }
    free(table->cells.at);
    free(table->notes.at);
    free(table->columns);
    free(table);
}

void table_add(struct table *table, const char *text)
{
    *MEM_PUSH(&table->cells) = mem_text(text);
}

void table_note(struct table *table, const char *text)
{
    size_t rows = table_rows(table);
    *MEM_PUSH(&table->notes) = (struct note){rows == 0 ? 0 : rows - 1, mem_text(text)};
}

size_t table_rows(const struct table *table)
{
    return (table->cells.count + table->column_count - 1) / table->column_count;
}

static const char *cell_at(const struct table *table, size_t row, size_t column)
{
    size_t i = row * table->column_count + column;
    return i < table->cells.count ? table->cells.at[i] : "";
}

/* One character's columns. wcwidth() asks the locale; ours is always UTF-8. */
static unsigned char_width(uint32_t c)
{
    static locale_t utf8;
    if (c < 0x80) {
        return 1;
    }
    if (utf8 == (locale_t)0) {
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    }
    if (utf8 == (locale_t)0) {
        return 1;
    }
    locale_t old = uselocale(utf8);
    int width = wcwidth((wchar_t)c);
    uselocale(old);
    return width < 0 ? 1 : (unsigned)width;
}

/* Reads one character; returns its bytes (at least 1 before the end) and columns. */
static size_t next_char(const char *text, unsigned *ret_width)
{
    uint32_t c = 0;
    size_t length = escape_utf8(text, &c);
    *ret_width = length == 0 ? 1 : char_width(c);
    return length == 0 ? 1 : length;
}

unsigned table_text_width(const char *text)
{
    unsigned total = 0;
    while (*text != '\0') {
        unsigned width;
        text += next_char(text, &width);
        total += width;
    }
    return total;
}

/* Bytes of the longest beginning of text that takes at most width columns. */
static size_t head_bytes(const char *text, unsigned width)
{
    size_t bytes = 0;
    unsigned used = 0;
    while (text[bytes] != '\0') {
        unsigned one;
        size_t length = next_char(text + bytes, &one);
        if (used + one > width) {
            break;
        }
        used += one;
        bytes += length;
    }
    return bytes;
}

char *table_cut(const char *text, unsigned width)
{
    unsigned whole = table_text_width(text);
    if (whole <= width) {
        return mem_text(text);
    }
    if (width <= DOTS) {
        return mem_format("%.*s", (int)head_bytes(text, width), text);
    }
    unsigned kept = width - DOTS;
    unsigned tail = kept / 2;
    size_t head = head_bytes(text, kept - tail);
    /* The tail begins where what is before it takes at least whole - tail columns. */
    size_t from = head;
    unsigned before = whole - table_text_width(text + from);
    while (text[from] != '\0' && before < whole - tail) {
        unsigned one;
        from += next_char(text + from, &one);
        before += one;
    }
    return mem_format("%.*s...%s", (int)head, text, text + from);
}

static unsigned escaped_width(const char *text)
{
    char *escaped = escape_terminal(text);
    unsigned width = table_text_width(escaped);
    free(escaped);
    return width;
}

static bool is_stretched(enum table_kind kind)
{
    return kind == TABLE_NAME || kind == TABLE_REMARK || kind == TABLE_CODE;
}

static unsigned column_width(const struct table *table, size_t column)
{
    unsigned widest = table_text_width(table->columns[column].title);
    for (size_t row = 0; row < table_rows(table); row++) {
        unsigned width = escaped_width(cell_at(table, row, column));
        widest = width > widest ? width : widest;
    }
    bool has_notes = column + 1 == table->column_count && is_stretched(table->columns[column].kind);
    for (size_t i = 0; has_notes && i < table->notes.count; i++) {
        unsigned width = escaped_width(table->notes.at[i].text) + GAP;
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* How the table is laid out at one width. */
struct layout {
    unsigned *widths;
    unsigned name_at; /* first column of the name, and of notes */
    unsigned width;   /* of the whole line */
    bool has_name;
    bool is_name_below; /* on a line of its own */
};

static bool has_titles(const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].title[0] != '\0') {
            return true;
        }
    }
    return false;
}

static struct layout lay_out(const struct table *table, unsigned width)
{
    size_t last = table->column_count - 1;
    struct layout l = {.width = width};
    l.widths = mem_zero(table->column_count, sizeof *l.widths);
    l.has_name = is_stretched(table->columns[last].kind);
    l.name_at = TABLE_INDENT;
    for (size_t i = 0; i < table->column_count; i++) {
        l.widths[i] = column_width(table, i);
        if (table->columns[i].kind == TABLE_WORD && l.widths[i] > TABLE_WORD_MAX) {
            l.widths[i] = TABLE_WORD_MAX;
        }
        if (i < last || !l.has_name) {
            l.name_at += l.widths[i] + GAP;
        }
    }
    if (!l.has_name) {
        l.name_at = TABLE_INDENT + GAP;
        return l;
    }
    unsigned left = l.name_at < width ? width - l.name_at : 0;
    l.is_name_below = last > 0 && left < TABLE_NAME_MIN && l.widths[last] > left &&
                      table->columns[last].kind != TABLE_CODE;
    if (l.is_name_below) {
        l.name_at = TABLE_INDENT + GAP + GAP;
    }
    return l;
}

/* What begins a line of code says more than what ends it. */
static char *cut_code(const char *text, unsigned width)
{
    if (table_text_width(text) <= width || width <= DOTS) {
        return table_cut(text, width);
    }
    return mem_format("%.*s...", (int)head_bytes(text, width - DOTS), text);
}

/* text escaped, cut to width, padded by spaces on one side ("" = no padding behind). */
static void print_padded(FILE *out, const char *text, unsigned width, enum table_kind kind,
                         bool is_last)
{
    bool is_right = kind == TABLE_NUMBER;
    char *escaped = escape_terminal(text);
    char *cut = kind == TABLE_CODE ? cut_code(escaped, width) : table_cut(escaped, width);
    unsigned used = table_text_width(cut);
    int pad = (int)(width - used);
    if (is_right) {
        fprintf(out, "%*s%s", pad, "", cut);
    } else {
        fprintf(out, "%s%*s", cut, is_last ? 0 : pad, "");
    }
    free(cut);
    free(escaped);
}

static void print_line_at(FILE *out, const struct layout *l, unsigned indent, const char *text)
{
    fprintf(out, "%*s", (int)indent, "");
    print_padded(out, text, l->width > indent ? l->width - indent : 1, TABLE_NAME, true);
    fputc('\n', out);
}

static size_t inline_columns(const struct table *table, const struct layout *l)
{
    return table->column_count - (l->has_name && l->is_name_below ? 1 : 0);
}

static const char *text_at(const struct table *table, size_t row, size_t column)
{
    return row == SIZE_MAX ? table->columns[column].title : cell_at(table, row, column);
}

/* Row SIZE_MAX is the titles. */
static void print_row(const struct table *table, FILE *out, const struct layout *l, size_t row)
{
    size_t count = inline_columns(table, l);
    fprintf(out, "%*s", TABLE_INDENT, "");
    for (size_t i = 0; i < count; i++) {
        bool is_name = is_stretched(table->columns[i].kind);
        unsigned width = l->widths[i];
        if (is_name && l->name_at + width > l->width) {
            width = l->width > l->name_at ? l->width - l->name_at : 1;
        }
        const char *text = text_at(table, row, i);
        if (i + 1 == count && text[0] == '\0') {
            break; /* no spaces at the end of a line */
        }
        fprintf(out, "%*s", i == 0 ? 0 : GAP, "");
        print_padded(out, text, width, table->columns[i].kind, i + 1 == count);
    }
    fputc('\n', out);
    if (count < table->column_count && row != SIZE_MAX && cell_at(table, row, count)[0] != '\0') {
        print_line_at(out, l, l->name_at - GAP, cell_at(table, row, count));
    }
}

void table_print_text(const struct table *table, FILE *out, unsigned width)
{
    struct layout l = lay_out(table, width);
    if (has_titles(table)) {
        print_row(table, out, &l, SIZE_MAX);
    }
    size_t note = 0;
    for (size_t row = 0; row < table_rows(table); row++) {
        print_row(table, out, &l, row);
        for (; note < table->notes.count && table->notes.at[note].row == row; note++) {
            print_line_at(out, &l, l.name_at + GAP, table->notes.at[note].text);
        }
    }
    free(l.widths);
}

static void print_markdown_cell(FILE *out, const char *text, bool is_code)
{
    if (text[0] == '\0') {
        return;
    }
    char *escaped = is_code ? escape_markdown_code(text) : escape_markdown(text);
    fputs(escaped, out);
    free(escaped);
}

static void print_markdown_titles(const struct table *table, FILE *out)
{
    for (size_t i = 0; i < table->column_count; i++) {
        fputs("| ", out);
        print_markdown_cell(out, table->columns[i].title, false);
        fputc(' ', out);
    }
    fputs("|\n", out);
    for (size_t i = 0; i < table->column_count; i++) {
        fputs(table->columns[i].kind == TABLE_NUMBER ? "|---:" : "|---", out);
    }
    fputs("|\n", out);
}

void table_print_markdown(const struct table *table, FILE *out)
{
    print_markdown_titles(table, out);
    size_t note = 0;
    for (size_t row = 0; row < table_rows(table); row++) {
        for (size_t i = 0; i < table->column_count; i++) {
            fputs("| ", out);
            bool is_code =
                table->columns[i].kind == TABLE_NAME || table->columns[i].kind == TABLE_CODE;
            print_markdown_cell(out, cell_at(table, row, i), is_code);
            fputs(i + 1 < table->column_count ? " " : "", out);
        }
        for (; note < table->notes.count && table->notes.at[note].row == row; note++) {
            fputs("<br>", out);
            print_markdown_cell(out, table->notes.at[note].text, true);
        }
        fputs(" |\n", out);
    }
}

/* Numbers have a class, so that they stand to the right. */
static void print_html_cell(FILE *out, const char *tag, enum table_kind kind, const char *text)
{
    char *escaped = escape_html(text);
    fprintf(out, "<%s%s>%s", tag, kind == TABLE_NUMBER ? " class=n" : "", escaped);
    free(escaped);
}

static void print_html_titles(const struct table *table, FILE *out)
{
    fputs("<thead><tr>", out);
    for (size_t i = 0; i < table->column_count; i++) {
        print_html_cell(out, "th", table->columns[i].kind, table->columns[i].title);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n", out);
}

void table_print_html(const struct table *table, FILE *out)
{
    fputs("<table>\n", out);
    if (has_titles(table)) {
        print_html_titles(table, out);
    }
    fputs("<tbody>\n", out);
    size_t note = 0;
    for (size_t row = 0; row < table_rows(table); row++) {
        fputs("<tr>", out);
        for (size_t i = 0; i < table->column_count; i++) {
            fputs(i == 0 ? "" : "</td>", out);
            print_html_cell(out, "td", table->columns[i].kind, cell_at(table, row, i));
        }
        for (; note < table->notes.count && table->notes.at[note].row == row; note++) {
            char *escaped = escape_html(table->notes.at[note].text);
            fprintf(out, "<br><small>%s</small>", escaped);
            free(escaped);
        }
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table>\n", out);
}
