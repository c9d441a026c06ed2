#include "store/row_source.h"

#include <criterion/criterion.h>
#include <string.h>

#include "heap/hist.h"

struct box {
    struct hist sizes;
    uint64_t grams;
    uint32_t shelf;
};

static const struct row_column columns[] = {
    {"grams", ROW_U64, offsetof(struct box, grams), ROW_ANY, NULL},
    {"shelf", ROW_U32, offsetof(struct box, shelf), ROW_ANY, NULL},
    {"sizes", ROW_HIST, offsetof(struct box, sizes), ROW_ANY, NULL},
};

static const struct row_table table = {"box", columns, sizeof columns / sizeof *columns,
                                       sizeof(struct box), 3};

static struct sql sql = {.path = "memory"};

static void open_memory(void)
{
    cr_assert_eq(sqlite3_open(":memory:", &sql.db), SQLITE_OK);
}

static void close_memory(void)
{
    sql_close(&sql);
}

TestSuite(row_source, .init = open_memory, .fini = close_memory);

static uint64_t number(const char *query)
{
    struct err err = {0};
    uint64_t value = 0;
    cr_assert_eq(sql_number(&sql, query, &value, &err), ERR_NONE, "%s", err.message);
    return value;
}

Test(row_source, every_item_is_a_row_each_time_it_is_read)
{
    struct err err = {0};
    struct box boxes[3] = {{.grams = 5, .shelf = 1}, {.grams = UINT64_MAX}, {.grams = 7}};
    struct row_source source = {.table = &table, .items = boxes, .count = 3};
    cr_assert_eq(row_source_open(&sql, &source, &err), ERR_NONE, "%s", err.message);
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(number("SELECT count(*) FROM row_source"), 3);
        cr_assert_eq(number("SELECT max(grams) FROM row_source"), INT64_MAX);
        cr_assert_eq(number("SELECT sum(shelf) FROM row_source"), 1);
    }
    row_source_close(&sql, &source);
}

Test(row_source, only_the_first_row_has_an_id)
{
    struct err err = {0};
    struct box boxes[3] = {{.grams = 1}, {.grams = 2}, {.grams = 3}};
    struct row_source source = {.table = &table, .items = boxes, .count = 3};
    cr_assert_eq(row_source_open(&sql, &source, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(number("SELECT count(id) FROM row_source"), 1);
    cr_assert_eq(number("SELECT grams FROM row_source WHERE id = 0"), 1);
    row_source_close(&sql, &source);
}

Test(row_source, histograms_of_all_lengths_fit)
{
    struct err err = {0};
    struct box boxes[3] = {{.grams = 1}, {.grams = 2}, {.grams = 3}};
    for (uint16_t code = 0; code < 1000; code++) {
        hist_add(&boxes[1].sizes, code, UINT64_C(1) << 40);
    }
    hist_add(&boxes[2].sizes, 3, 1);
    struct row_source source = {.table = &table, .items = boxes, .count = 3};
    cr_assert_eq(row_source_open(&sql, &source, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(number("SELECT length(sizes) FROM row_source WHERE grams = 1"), 0);
    cr_assert_gt(number("SELECT length(sizes) FROM row_source WHERE grams = 2"), 1000);
    cr_assert_eq(number("SELECT sizes = x'010301' FROM row_source WHERE grams = 3"), 1);
    row_source_close(&sql, &source);
    hist_finish(&boxes[1].sizes);
    hist_finish(&boxes[2].sizes);
}

Test(row_source, nothing_gives_no_row)
{
    struct err err = {0};
    struct row_source source = {.table = &table, .items = NULL, .count = 0};
    cr_assert_eq(row_source_open(&sql, &source, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(number("SELECT count(*) FROM row_source"), 0);
    row_source_close(&sql, &source);
}

Test(row_source, a_closed_one_is_unknown_and_the_next_is_another)
{
    struct err err = {0};
    uint64_t value = 0;
    struct box first = {.grams = 1};
    struct box second[2] = {{.grams = 2}, {.grams = 3}};
    struct row_source source = {.table = &table, .items = &first, .count = 1};
    cr_assert_eq(row_source_open(&sql, &source, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(number("SELECT sum(grams) FROM row_source"), 1);
    row_source_close(&sql, &source);
    cr_assert_neq(sql_number(&sql, "SELECT count(*) FROM row_source", &value, &err), ERR_NONE);
    cr_assert_not_null(strstr(err.message, "row_source"), "%s", err.message);
    source = (struct row_source){.table = &table, .items = second, .count = 2};
    cr_assert_eq(row_source_open(&sql, &source, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(number("SELECT sum(grams) FROM row_source"), 5);
    row_source_close(&sql, &source);
}
