#include "insight/source_fold.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows as text: "7" a line, "8*" one with numbers, "(3+1)" three left out, one of them with. */
static void check(const char *wanted, const uint32_t *numbers, const uint64_t *values, size_t count,
                  size_t text_lines)
{
    struct source_line lines[16] = {0};
    char shown[1024] = "";
    for (size_t i = 0; i < count; i++) {
        lines[i].line = numbers[i];
        lines[i].total.values[RANK_BYTES] = values[i];
    }
    struct source_rows rows = source_fold(lines, count, text_lines, RANK_BYTES, 10);
    for (size_t i = 0; i < rows.count; i++) {
        const struct source_row *row = &rows.at[i];
        char *end = shown + strlen(shown);
        size_t room = sizeof shown - strlen(shown);
        if (row->left_out != 0) {
            snprintf(end, room, "(%zu+%zu) ", row->left_out, row->left_out_with_numbers);
        } else {
            cr_assert(row->numbers == NULL || row->numbers->line == row->first);
            snprintf(end, room, "%u%s ", row->first, row->numbers != NULL ? "*" : "");
        }
    }
    cr_assert_str_eq(shown, wanted);
    free(rows.at);
}

Test(source_fold, lines_that_matter_stand_in_their_context)
{
    check("(7+1) 8 9 10* 11 12 (88+0) ", (uint32_t[]){3, 10}, (uint64_t[]){9, 10}, 2, 100);
}

Test(source_fold, contexts_that_meet_are_one_and_single_lines_are_shown)
{
    check("(7+0) 8 9 10* 11 12* 13 14 15 16* 17 18 (2+0) ", (uint32_t[]){10, 12, 16},
          (uint64_t[]){50, 3, 50}, 3, 20);
}

Test(source_fold, the_ends_of_the_file_are_kept_to)
{
    check("1* 2 3 ", (uint32_t[]){1}, (uint64_t[]){50}, 1, 3);
    check("(2+0) 3 4 5* ", (uint32_t[]){0, 5}, (uint64_t[]){80, 50}, 2, 5);
}

Test(source_fold, lines_beyond_the_end_come_last_without_context)
{
    check("1 2* 3 4 (6+0) 40* 4000000000* ", (uint32_t[]){2, 30, 40, UINT32_C(4000000000)},
          (uint64_t[]){50, 1, 50, 50}, 4, 10);
    check("(10+0) 11* ", (uint32_t[]){11}, (uint64_t[]){50}, 1, 10);
}

Test(source_fold, without_a_text_only_lines_with_numbers_are_rows)
{
    check("10* 12* (2+2) 4294967295* ", (uint32_t[]){0, 10, 12, 13, 14, UINT32_MAX},
          (uint64_t[]){50, 50, 50, 1, 1, 50}, 6, 0);
    check("(1+1) ", (uint32_t[]){7}, (uint64_t[]){1}, 1, 0);
    check("", NULL, NULL, 0, 0);
}

Test(source_fold, a_file_without_hot_lines_is_folded_whole)
{
    check("(30+1) ", (uint32_t[]){7}, (uint64_t[]){0}, 1, 30);
}
