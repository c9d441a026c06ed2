#include "insight/source_fold.h"

/* What rows are made from, and how far they are. */
struct folding {
    const struct source_line *lines;
    size_t count;
    size_t text_lines;
    struct source_rows rows;
    size_t at;     /* the next line with numbers that is in no row yet */
    uint64_t next; /* the next line that is in no row yet */
};

static struct source_row *push(struct folding *f)
{
    f->rows.at = mem_array_room(f->rows.at, f->rows.count, &f->rows.room, sizeof *f->rows.at);
    return &f->rows.at[f->rows.count++];
}

/* Lines with numbers before `line` that are in no row yet. */
static size_t pass(struct folding *f, uint64_t line)
{
    size_t passed = 0;
    while (f->at < f->count && f->lines[f->at].line < line) {
        f->at++;
        passed++;
    }
    return passed;
}

static void push_line(struct folding *f, uint32_t line)
{
    bool has_numbers = f->at < f->count && f->lines[f->at].line == line;
    *push(f) = (struct source_row){
        .first = line, .last = line, .numbers = has_numbers ? &f->lines[f->at] : NULL};
    f->at += has_numbers;
    f->next = (uint64_t)line + 1;
}

/* Leaves out everything before `line`: one single line is shown rather than said to be there. */
static void fold_to(struct folding *f, uint64_t line)
{
    if (f->next >= line) {
        return;
    }
    uint64_t lines = line - f->next;
    if (lines == 1 && f->text_lines != 0) {
        push_line(f, (uint32_t)f->next);
        return;
    }
    struct source_row row = {.first = (uint32_t)f->next, .last = (uint32_t)(line - 1)};
    row.left_out_with_numbers = pass(f, line);
    row.left_out = f->text_lines != 0 ? (size_t)lines : row.left_out_with_numbers;
    if (row.left_out != 0) {
        *push(f) = row;
    }
    f->next = line;
}

static void show_text(struct folding *f, uint32_t line)
{
    uint64_t from = line > SOURCE_CONTEXT ? line - SOURCE_CONTEXT : 1;
    uint64_t end = (uint64_t)line + SOURCE_CONTEXT;
    end = end < f->text_lines ? end : f->text_lines;
    fold_to(f, from);
    while (f->next <= end) {
        push_line(f, (uint32_t)f->next);
    }
}

static void show(struct folding *f, uint32_t line)
{
    if (line <= f->text_lines) {
        show_text(f, line);
        return;
    }
    if (f->text_lines == 0) {
        fold_to(f, line);
    } else if (f->next <= f->text_lines) {
        fold_to(f, f->text_lines + 1);
    }
    (void)pass(f, line);
    push_line(f, line);
}

struct source_rows source_fold(const struct source_line *lines, size_t count, size_t text_lines,
                               enum rank_key key, double least)
{
    struct folding f = {.lines = lines, .count = count, .text_lines = text_lines, .next = 1};
    (void)pass(&f, 1); /* line 0 is no line */
    for (size_t i = f.at; i < count; i++) {
        uint64_t value = lines[i].total.values[key];
        bool is_shown = lines[i].line < f.next;
        if (value != 0 && (double)value >= least && !is_shown) {
            show(&f, lines[i].line);
        }
    }
    uint64_t end = text_lines != 0 ? (uint64_t)text_lines + 1 : (uint64_t)UINT32_MAX + 1;
    fold_to(&f, end);
    return f.rows;
}
