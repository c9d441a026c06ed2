/* CSV as RFC 4180 has it: a name cannot leave its cell, columns add up, no cell is a formula. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

enum { ROWS_MAX = 16, COLUMNS_MAX = 32 };

/* What a reader of RFC 4180 makes of a text: row 0 is the heading. */
static struct {
    char *cells[ROWS_MAX][COLUMNS_MAX];
    size_t columns[ROWS_MAX];
    size_t rows;
} sheet;

/* One cell, without its quotes; returns what stands behind it. */
static const char *read_cell(const char *at, char **ret)
{
    char *cell = mem_zero(strlen(at) + 1, 1);
    bool is_quoted = *at == '"';
    *ret = cell;
    for (at += is_quoted; is_quoted || (*at != ',' && *at != '\r'); at++) {
        cr_assert_neq(*at, '\0', "a cell has an end");
        if (is_quoted && *at == '"' && at[1] != '"') {
            return at + 1;
        }
        at += is_quoted && *at == '"';
        cr_assert(is_quoted || strchr("\"\n", *at) == NULL);
        *cell++ = *at;
    }
    return at;
}

static void read_sheet(struct profile *p)
{
    profile_seal(p);
    char *text = export_text("csv", p, NULL);
    const char *at = text;
    while (*at != '\0') {
        cr_assert(sheet.rows < ROWS_MAX && sheet.columns[sheet.rows] < COLUMNS_MAX);
        at = read_cell(at, &sheet.cells[sheet.rows][sheet.columns[sheet.rows]++]);
        bool is_last = strncmp(at, "\r\n", 2) == 0;
        cr_assert(is_last || *at == ',', "a cell ends at a comma or with its line: %.20s", at);
        sheet.rows += is_last;
        at += is_last ? 2 : 1;
    }
    free(text);
    profile_destroy(p);
}

static void end(void)
{
    for (size_t i = 0; i < (size_t)ROWS_MAX * COLUMNS_MAX; i++) {
        free(sheet.cells[i / COLUMNS_MAX][i % COLUMNS_MAX]);
    }
}

TestSuite(export_csv, .fini = end);

static const char *cell(size_t row, const char *column)
{
    for (size_t i = 0; i < sheet.columns[0]; i++) {
        if (strcmp(sheet.cells[0][i], column) == 0) {
            return sheet.cells[row][i];
        }
    }
    cr_assert_fail("no column '%s'", column);
    return NULL;
}

static uint64_t sum(const char *column)
{
    uint64_t all = 0;
    for (size_t row = 1; row < sheet.rows; row++) {
        all += strtoull(cell(row, column), NULL, 10);
    }
    return all;
}

/* One call site below main. */
static void read_sheet_of(const char *function)
{
    struct profile *p = profile_create();
    story_stack(p, (const char *const[]){"main", function, NULL}, 5, 50);
    read_sheet(p);
    cr_assert_eq(sheet.rows, 2);
    cr_assert_eq(sheet.columns[1], sheet.columns[0]);
}

Test(export_csv, columns_add_up_to_the_recordings)
{
    struct profile *p = story_profile(STORY_BEFORE);
    const struct profile_totals wanted = p->totals;
    size_t sites = p->sites.count - 1; /* nothing happened at the remainder */
    read_sheet(p);
    cr_expect_eq(sheet.rows, sites + 1);
    cr_expect_eq(sum("allocations"), wanted.allocs);
    cr_expect_eq(sum("bytes"), wanted.bytes);
    cr_expect_eq(sum("frees"), wanted.frees);
    cr_expect_eq(sum("peak"), wanted.peak_bytes);
    cr_expect_eq(sum("live"), wanted.live_bytes);
    cr_expect_eq(sum("temporaries"), wanted.temporaries);
}

Test(export_csv, every_row_has_as_many_cells_as_the_heading)
{
    read_sheet(story_profile(STORY_HOSTILE));
    cr_assert_eq(sheet.rows, 2);
    cr_expect_eq(sheet.columns[1], sheet.columns[0]);
}

Test(export_csv, commas_and_quotes_stay_in_their_cell)
{
    read_sheet_of("std::pair<int, char>::operator\"\"_x(\"a\",,)\"");
    cr_expect_str_eq(cell(1, "function"), "std::pair<int, char>::operator\"\"_x(\"a\",,)\"");
    cr_expect_str_eq(cell(1, "allocations"), "5");
}

Test(export_csv, a_line_feed_in_a_name_is_seen_as_one)
{
    read_sheet_of("a\r\n1,forged");
    cr_expect_str_eq(cell(1, "function"), "a\\x0d\\x0a1,forged");
}

Test(export_csv, no_cell_is_a_formula)
{
    struct profile *p = profile_create();
    uint32_t frames[] = {story_frame(p, "-1+1", "=1+1", "@SUM(A1)", 3, NULL), 0};
    story_calls(p, story_site(p, frames), CALL_MALLOC, 5, 50, 50);
    read_sheet(p);
    for (size_t i = 0; i < sheet.columns[1]; i++) {
        cr_expect(sheet.cells[1][i][0] == '\0' || strchr("=+-@", sheet.cells[1][i][0]) == NULL,
                  "%s", sheet.cells[1][i]);
    }
    cr_expect_str_eq(cell(1, "function"), " =1+1");
}

Test(export_csv, a_stack_has_its_functions_from_the_root_to_the_leaf)
{
    read_sheet_of("leaf");
    cr_expect_str_eq(cell(1, "stack"), "main;leaf");
}

Test(export_csv, a_name_with_a_semicolon_is_one_function_of_the_stack)
{
    read_sheet_of("<[u8; 4] as core::clone::Clone>::clone");
    cr_expect_str_eq(cell(1, "stack"), "main;<[u8: 4] as core::clone::Clone>::clone");
    cr_expect_str_eq(cell(1, "function"), "<[u8; 4] as core::clone::Clone>::clone");
}
