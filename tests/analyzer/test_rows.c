#include "store/rows.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "heap/hist.h"

struct fruit {
    const char *name;
    uint64_t grams;
    uint64_t address;
    struct hist sizes;
    uint32_t basket;
    int32_t degrees;
    uint8_t kind;
    bool is_ripe;
};

static const char *nickname(size_t id)
{
    return id == 0 ? "first" : "later";
}

static const struct row_column columns[] = {
    {"name", ROW_TEXT, offsetof(struct fruit, name), ROW_ANY, NULL},
    {"grams", ROW_U64, offsetof(struct fruit, grams), ROW_ANY, NULL},
    {"address", ROW_BITS64, offsetof(struct fruit, address), ROW_ANY, NULL},
    {"median", ROW_QUANTILE, offsetof(struct fruit, sizes), 5000, NULL},
    {"sizes", ROW_HIST, offsetof(struct fruit, sizes), ROW_ANY, NULL},
    {"basket", ROW_U32, offsetof(struct fruit, basket), ROW_SITES, NULL},
    {"degrees", ROW_I32, offsetof(struct fruit, degrees), ROW_ANY, NULL},
    {"kind", ROW_U8, offsetof(struct fruit, kind), ROW_ANY, NULL},
    {"is_ripe", ROW_BOOL, offsetof(struct fruit, is_ripe), ROW_ANY, NULL},
    {"nickname", ROW_NAME, 0, ROW_ANY, nickname},
};

static const struct row_table table = {"fruit", columns, sizeof columns / sizeof *columns,
                                       sizeof(struct fruit), 3};

static struct sql sql = {.path = "memory"};
static struct mem_strings *strings;

static void open_memory(void)
{
    struct err err = {0};
    cr_assert_eq(sqlite3_open(":memory:", &sql.db), SQLITE_OK);
    char *text = rows_create_text(&table);
    cr_assert_eq(sql_run(&sql, text, &err), ERR_NONE, "%s", err.message);
    free(text);
    strings = mem_strings_create();
}

static void close_memory(void)
{
    mem_strings_destroy(strings);
    sql_close(&sql);
}

TestSuite(rows, .init = open_memory, .fini = close_memory);

static void save_two(void)
{
    struct err err = {0};
    struct fruit fruits[2] = {
        {.name = "pear", .grams = UINT64_MAX, .address = UINT64_MAX, .degrees = -3, .kind = 255},
        {.name = NULL, .basket = 9, .is_ripe = true},
    };
    hist_add(&fruits[0].sizes, 40, 2);
    cr_assert_eq(rows_save(&sql, &table, fruits, 2, &err), ERR_NONE, "%s", err.message);
    hist_finish(&fruits[0].sizes);
}

static bool keep(void *context, size_t id, void *item)
{
    struct fruit *basket = context;
    basket[id] = *(struct fruit *)item;
    return true;
}

static bool refuse(void *context, size_t id, void *item)
{
    (void)context;
    (void)item;
    return id == 99;
}

static enum err_code load(row_take *take, void *context, struct err *reterr)
{
    struct row_reader reader = {.sql = &sql, .strings = strings};
    reader.limits[ROW_SITES] = 10;
    return rows_load(&reader, &table, take, context, reterr);
}

Test(rows, every_kind_comes_back)
{
    struct err err = {0};
    struct fruit read[2];
    save_two();
    cr_assert_eq(load(keep, read, &err), ERR_NONE, "%s", err.message);
    cr_assert_str_eq(read[0].name, "pear");
    cr_assert_str_eq(read[1].name, "");
    cr_assert_eq(read[0].grams, INT64_MAX);
    cr_assert_eq(read[0].address, UINT64_MAX);
    cr_assert_eq(read[0].degrees, -3);
    cr_assert_eq(read[0].kind, 255);
    cr_assert_eq(read[0].sizes.count, 2);
    cr_assert_eq(read[1].sizes.count, 0);
    cr_assert_eq(read[1].basket, 9);
    cr_assert(read[1].is_ripe && !read[0].is_ripe);
    hist_finish(&read[0].sizes);
}

Test(rows, derived_columns_are_for_people)
{
    struct err err = {0};
    uint64_t median = 0;
    uint64_t named = 0;
    save_two();
    cr_assert_eq(sql_number(&sql, "SELECT median FROM fruit WHERE id = 0", &median, &err),
                 ERR_NONE);
    cr_assert_eq(median, 40);
    cr_assert_eq(
        sql_number(&sql, "SELECT count(*) FROM fruit WHERE nickname = 'first'", &named, &err),
        ERR_NONE);
    cr_assert_eq(named, 1);
}

Test(rows, what_does_not_fit_is_named)
{
    static const struct {
        const char *change;
        const char *text;
    } cases[] = {
        {"UPDATE fruit SET basket = 10 WHERE id = 1", "row 1: impossible basket"},
        {"UPDATE fruit SET kind = 256 WHERE id = 0", "row 0: impossible kind"},
        {"UPDATE fruit SET is_ripe = 2 WHERE id = 0", "row 0: impossible is_ripe"},
        {"UPDATE fruit SET name = CAST(x'610062' AS TEXT) WHERE id = 0", "impossible name"},
        {"UPDATE fruit SET id = 5 WHERE id = 1", "row 1: impossible id"},
        {"INSERT INTO fruit SELECT id + 2, name, grams, address, median, sizes, basket, degrees, "
         "kind, is_ripe, nickname FROM fruit",
         "row 3: does not fit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct fruit read[4] = {0};
        cr_assert_eq(sql_run(&sql, "DELETE FROM fruit", &err), ERR_NONE);
        save_two();
        cr_assert_eq(sql_run(&sql, cases[i].change, &err), ERR_NONE, "%s", err.message);
        cr_assert_eq(load(keep, read, &err), ERR_FORMAT);
        cr_assert_not_null(strstr(err.message, cases[i].text), "%s", err.message);
        for (size_t k = 0; k < 4; k++) {
            hist_finish(&read[k].sizes);
        }
    }
}

Test(rows, the_taker_has_the_last_word)
{
    struct err err = {0};
    save_two();
    cr_assert_eq(load(refuse, NULL, &err), ERR_FORMAT);
    cr_assert_not_null(strstr(err.message, "table fruit, row 0: does not fit the rest"));
}
