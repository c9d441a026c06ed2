#include "store/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap/hist.h"
#include "heap/profile.h"
#include "store/row_source.h"

enum { ROWS_TEXT_BYTES = 8192 };

static bool is_derived(const struct row_column *column)
{
    return column->kind >= ROW_QUANTILE;
}

static const char *sql_type(enum row_kind kind)
{
    switch (kind) {
    case ROW_TEXT:
    case ROW_BUILD_ID:
    case ROW_NAME:
        return "TEXT";
    case ROW_HIST:
        return "BLOB";
    default:
        return "INTEGER";
    }
}

char *rows_create_text(const struct row_table *table)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    fprintf(out, "CREATE TABLE %s(id INTEGER PRIMARY KEY", table->name);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct row_column *column = &table->columns[i];
        fprintf(out, ", %s %s NOT NULL", column->name, sql_type(column->kind));
    }
    fputc(')', out);
    fclose(out);
    return text;
}

static char *select_text(const struct row_table *table)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    fputs("SELECT id", out);
    for (size_t i = 0; i < table->column_count; i++) {
        if (!is_derived(&table->columns[i])) {
            fprintf(out, ",%s", table->columns[i].name);
        }
    }
    /* NOT INDEXED: an index that a stranger added could give other rows than the table. */
    fprintf(out, " FROM %s NOT INDEXED ORDER BY id", table->name);
    fclose(out);
    return text;
}

enum err_code rows_save(const struct sql *sql, const struct row_table *table, const void *items,
                        size_t count, struct err *reterr)
{
    struct row_source source = {.table = table, .items = items, .count = count};
    enum err_code code = row_source_open(sql, &source, reterr);
    if (code == ERR_NONE) {
        char *text = mem_format("INSERT INTO %s SELECT * FROM " ROW_SOURCE_NAME, table->name);
        code = sql_run(sql, text, reterr);
        free(text);
    }
    row_source_close(sql, &source);
    return code;
}

/* True when the value in column `at` is an integer in low .. high. */
static bool read_int(sqlite3_stmt *statement, int at, int64_t low, int64_t high, int64_t *ret)
{
    if (sqlite3_column_type(statement, at) != SQLITE_INTEGER) {
        return false;
    }
    *ret = sqlite3_column_int64(statement, at);
    return *ret >= low && *ret <= high;
}

static bool read_text(const struct row_reader *reader, sqlite3_stmt *statement, int at,
                      const char **ret)
{
    if (sqlite3_column_type(statement, at) != SQLITE_TEXT) {
        return false;
    }
    const char *text = (const char *)sqlite3_column_text(statement, at);
    if (text == NULL || strlen(text) != (size_t)sqlite3_column_bytes(statement, at)) {
        return false;
    }
    *ret = mem_strings_keep(reader->strings, text);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_build_id(sqlite3_stmt *statement, int at, struct profile_module *module)
{
    if (sqlite3_column_type(statement, at) != SQLITE_TEXT) {
        return false;
    }
    const char *text = (const char *)sqlite3_column_text(statement, at);
    size_t digits = text != NULL ? strlen(text) : 1;
    if (digits % 2 != 0 || digits > 2 * SESSION_BUILD_ID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < digits; i += 2) {
        int high = hex_digit(text[i]);
        int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        module->build_id[i / 2] = (uint8_t)(high << 4 | low);
    }
    module->build_id_len = (uint8_t)(digits / 2);
    return true;
}

static bool read_hist(sqlite3_stmt *statement, int at, struct hist *hist)
{
    if (sqlite3_column_type(statement, at) != SQLITE_BLOB) {
        return false;
    }
    const uint8_t *bytes = sqlite3_column_blob(statement, at);
    size_t length = (size_t)sqlite3_column_bytes(statement, at);
    return length == 0 || hist_decode(bytes, length, hist);
}

static int64_t highest(const struct row_reader *reader, const struct row_column *column)
{
    switch (column->kind) {
    case ROW_BOOL:
        return 1;
    case ROW_U8:
    case ROW_U32:
        if (column->limit != ROW_ANY) {
            return (int64_t)reader->limits[column->limit] - 1;
        }
        return column->kind == ROW_U8 ? UINT8_MAX : UINT32_MAX;
    case ROW_I32:
        return INT32_MAX;
    default:
        return INT64_MAX;
    }
}

static int64_t lowest(enum row_kind kind)
{
    if (kind == ROW_I32) {
        return INT32_MIN;
    }
    return kind == ROW_BITS64 ? INT64_MIN : 0;
}

static bool read_number(const struct row_reader *reader, sqlite3_stmt *statement, int at,
                        const struct row_column *column, char *field)
{
    int64_t value = 0;
    if (!read_int(statement, at, lowest(column->kind), highest(reader, column), &value)) {
        return false;
    }
    uint8_t u8 = (uint8_t)value;
    uint32_t u32 = (uint32_t)value;
    switch (column->kind) {
    case ROW_U8:
    case ROW_BOOL:
        memcpy(field, &u8, sizeof u8);
        return true;
    case ROW_U32:
    case ROW_I32:
        memcpy(field, &u32, sizeof u32);
        return true;
    default:
        memcpy(field, &value, sizeof value);
        return true;
    }
}

static bool read_column(const struct row_reader *reader, sqlite3_stmt *statement, int at,
                        const struct row_column *column, char *item)
{
    char *field = item + column->offset;
    const char *text = NULL;
    switch (column->kind) {
    case ROW_TEXT:
        if (!read_text(reader, statement, at, &text)) {
            return false;
        }
        memcpy(field, &text, sizeof text);
        return true;
    case ROW_BUILD_ID:
        return read_build_id(statement, at, (struct profile_module *)(void *)field);
    case ROW_HIST:
        return read_hist(statement, at, (struct hist *)(void *)field);
    default:
        return read_number(reader, statement, at, column, field);
    }
}

static void drop_item(const struct row_table *table, char *item)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].kind == ROW_HIST) {
            hist_finish((struct hist *)(void *)(item + table->columns[i].offset));
        }
    }
}

/* Fills item from the current row; the name of the column that is wrong, or NULL. */
static const char *read_row(const struct row_reader *reader, sqlite3_stmt *statement,
                            const struct row_table *table, size_t id, char *item)
{
    int64_t stored = -1;
    if (!read_int(statement, 0, 0, INT64_MAX, &stored) || (size_t)stored != id) {
        return "id";
    }
    int at = 1;
    for (size_t i = 0; i < table->column_count; i++) {
        if (is_derived(&table->columns[i])) {
            continue;
        }
        if (!read_column(reader, statement, at, &table->columns[i], item)) {
            return table->columns[i].name;
        }
        at++;
    }
    return NULL;
}

static enum err_code load_row(const struct row_reader *reader, sqlite3_stmt *statement,
                              const struct row_table *table, size_t id, row_take *take,
                              void *context, char *item, struct err *reterr)
{
    memset(item, 0, table->item_bytes);
    const char *wrong = read_row(reader, statement, table, id, item);
    if (wrong == NULL && id < table->rows_max && take(context, id, item)) {
        return ERR_NONE;
    }
    drop_item(table, item);
    return sql_damaged(reader->sql, reterr, "table %s, row %zu: %s%s", table->name, id,
                       wrong != NULL ? "impossible " : "does not fit the rest",
                       wrong != NULL ? wrong : "");
}

enum err_code rows_load(const struct row_reader *reader, const struct row_table *table,
                        row_take *take, void *context, struct err *reterr)
{
    char *text = select_text(table);
    char *item = mem_zero(1, table->item_bytes);
    sqlite3_stmt *statement = NULL;
    bool has_row = true;
    enum err_code code = sql_prepare(reader->sql, text, &statement, reterr);
    for (size_t id = 0; code == ERR_NONE; id++) {
        code = sql_step(reader->sql, statement, &has_row, reterr);
        if (code != ERR_NONE || !has_row) {
            break;
        }
        code = load_row(reader, statement, table, id, take, context, item, reterr);
    }
    sqlite3_finalize(statement);
    free(item);
    free(text);
    return code;
}
