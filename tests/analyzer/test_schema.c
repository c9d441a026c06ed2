#include "store/schema.h"

#include <criterion/criterion.h>
#include <string.h>

static struct sql sql = {.path = "memory"};

static void create(void)
{
    struct err err = {0};
    cr_assert_eq(sqlite3_open(":memory:", &sql.db), SQLITE_OK);
    cr_assert_eq(schema_create(&sql, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(schema_create_views(&sql, &err), ERR_NONE, "%s", err.message);
}

static void drop(void)
{
    sql_close(&sql);
}

TestSuite(schema, .init = create, .fini = drop);

Test(schema, what_we_create_we_accept)
{
    struct err err = {0};
    cr_assert_eq(schema_check(&sql, &err), ERR_NONE, "%s", err.message);
}

Test(schema, what_stands_in_for_a_table_is_refused)
{
    static const char *const changes[] = {
        "DROP TABLE site",
        "ALTER TABLE site RENAME TO moved; CREATE VIEW site AS SELECT * FROM moved",
        "ALTER TABLE path ADD COLUMN odd AS (frame + 1)",
        "DROP TABLE trace_chunk; CREATE TABLE trace_chunk(seq)",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct err err = {0};
        drop();
        create();
        cr_assert_eq(sql_run(&sql,
                             "DROP VIEW site_name; DROP VIEW top_sites; DROP VIEW leaks;"
                             "DROP VIEW temporaries; DROP VIEW slow_calls; DROP VIEW pairs;"
                             "DROP VIEW slow_causes;"
                             "DROP VIEW stacks; DROP VIEW frame_name",
                             &err),
                     ERR_NONE);
        cr_assert_eq(sql_run(&sql, changes[i], &err), ERR_NONE, "%s", err.message);
        cr_assert_eq(schema_check(&sql, &err), ERR_FORMAT, "%s", changes[i]);
        cr_assert_not_null(strstr(err.message, "damaged recording"));
    }
}
