#include "store/row_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap/hist.h"
#include "heap/profile.h"

/* SQLite's own structs come first in ours. */
struct face {
    sqlite3_vtab base;
    struct row_source *source;
};

static int64_t clamped(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static void give_text(sqlite3_context *to, const char *text)
{
    sqlite3_result_text(to, text != NULL ? text : "", -1, SQLITE_STATIC);
}

static void give_hist(sqlite3_context *to, struct row_source *source, const struct hist *hist)
{
    if (hist->bin_count == 0) { /* most sites never grow; an empty blob costs nothing */
        sqlite3_result_zeroblob(to, 0);
        return;
    }
    size_t most = hist_encoded_max(hist);
    if (most > source->byte_room) {
        source->bytes = mem_resize(source->bytes, 2 * most, 1);
        source->byte_room = 2 * most;
    }
    sqlite3_result_blob64(to, source->bytes, hist_encode(hist, source->bytes), SQLITE_TRANSIENT);
}

static void give_build_id(sqlite3_context *to, const struct profile_module *module)
{
    char text[2 * SESSION_BUILD_ID_BYTES + 1] = "";
    for (size_t i = 0; i < module->build_id_len && i < SESSION_BUILD_ID_BYTES; i++) {
        snprintf(text + 2 * i, 3, "%02x", module->build_id[i]);
    }
    sqlite3_result_text(to, text, -1, SQLITE_TRANSIENT);
}

/* The fields are read by memcpy: offset is a number, not a typed pointer. */
static uint64_t field_u64(const char *item, const struct row_column *column)
{
    uint64_t u64 = 0;
    uint32_t u32 = 0;
    uint8_t u8 = 0;
    switch (column->kind) {
    case ROW_U8:
    case ROW_BOOL:
        memcpy(&u8, item + column->offset, sizeof u8);
        return u8;
    case ROW_U32:
        memcpy(&u32, item + column->offset, sizeof u32);
        return u32;
    default:
        memcpy(&u64, item + column->offset, sizeof u64);
        return u64;
    }
}

static int32_t field_i32(const char *item, const struct row_column *column)
{
    int32_t i32 = 0;
    memcpy(&i32, item + column->offset, sizeof i32);
    return i32;
}

static void give_odd(sqlite3_context *to, struct row_source *source, const char *item,
                     const struct row_column *column)
{
    const void *field = item + column->offset;
    const char *text = NULL;
    switch (column->kind) {
    case ROW_TEXT:
        memcpy(&text, field, sizeof text);
        give_text(to, text);
        break;
    case ROW_NAME:
        give_text(to, column->name_of(source->at));
        break;
    case ROW_BUILD_ID:
        give_build_id(to, field);
        break;
    case ROW_HIST:
        give_hist(to, source, field);
        break;
    case ROW_QUANTILE:
        sqlite3_result_int64(to, clamped(hist_quantile(field, column->limit)));
        break;
    case ROW_LOWEST:
        sqlite3_result_int64(to, clamped(hist_min(field)));
        break;
    case ROW_HIGHEST:
        sqlite3_result_int64(to, clamped(hist_max(field)));
        break;
    case ROW_I32:
        sqlite3_result_int64(to, field_i32(item, column));
        break;
    default:
        sqlite3_result_int64(to, (int64_t)field_u64(item, column)); /* ROW_BITS64 */
        break;
    }
}

static struct row_source *source_of(sqlite3_vtab_cursor *cursor)
{
    return ((struct face *)(void *)cursor->pVtab)->source;
}

static int column_at(sqlite3_vtab_cursor *cursor, sqlite3_context *to, int at)
{
    struct row_source *source = source_of(cursor);
    if (at == 0) {
        if (source->at == 0) { /* else it stays NULL */
            sqlite3_result_int64(to, 0);
        }
        return SQLITE_OK;
    }
    const struct row_column *column = &source->table->columns[at - 1];
    const char *item = (const char *)source->items + source->at * source->table->item_bytes;
    switch (column->kind) {
    case ROW_U8:
    case ROW_U32:
    case ROW_U64:
    case ROW_BOOL:
        sqlite3_result_int64(to, clamped(field_u64(item, column)));
        break;
    default:
        give_odd(to, source, item, column);
        break;
    }
    return SQLITE_OK;
}

static int next_row(sqlite3_vtab_cursor *cursor)
{
    source_of(cursor)->at += 1;
    return SQLITE_OK;
}

static int is_at_end(sqlite3_vtab_cursor *cursor)
{
    const struct row_source *source = source_of(cursor);
    return source->at >= source->count;
}

static int row_number(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)source_of(cursor)->at;
    return SQLITE_OK;
}

static int first_row(sqlite3_vtab_cursor *cursor, int plan, const char *plan_text, int count,
                     sqlite3_value **values)
{
    (void)plan;
    (void)plan_text;
    (void)count;
    (void)values;
    source_of(cursor)->at = 0;
    return SQLITE_OK;
}

static int choose_plan(sqlite3_vtab *face, sqlite3_index_info *plan)
{
    (void)face;
    (void)plan; /* there is one way to read it */
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *face, sqlite3_vtab_cursor **ret)
{
    (void)face;
    *ret = sqlite3_malloc64(sizeof **ret);
    if (*ret == NULL) {
        return SQLITE_NOMEM;
    }
    **ret = (sqlite3_vtab_cursor){0};
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static char *declaration(const struct row_table *table)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    fputs("CREATE TABLE t(id", out);
    for (size_t i = 0; i < table->column_count; i++) {
        fprintf(out, ",%s", table->columns[i].name);
    }
    fputc(')', out);
    fclose(out);
    return text;
}

static int connect(sqlite3 *db, void *source, int count, const char *const *args,
                   sqlite3_vtab **ret, char **reterr)
{
    (void)count;
    (void)args;
    (void)reterr;
    struct face *face = sqlite3_malloc64(sizeof *face);
    if (face == NULL) {
        return SQLITE_NOMEM;
    }
    *face = (struct face){.source = source};
    char *text = declaration(face->source->table);
    int code = sqlite3_declare_vtab(db, text);
    free(text);
    if (code != SQLITE_OK) {
        sqlite3_free(face);
        return code;
    }
    *ret = &face->base;
    return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *face)
{
    sqlite3_free(face);
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .xConnect = connect,
    .xBestIndex = choose_plan,
    .xDisconnect = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = first_row,
    .xNext = next_row,
    .xEof = is_at_end,
    .xColumn = column_at,
    .xRowid = row_number,
};

enum err_code row_source_open(const struct sql *sql, struct row_source *source, struct err *reterr)
{
    if (sqlite3_create_module(sql->db, ROW_SOURCE_NAME, &module, source) != SQLITE_OK) {
        return sql_fail(sql, reterr);
    }
    return ERR_NONE;
}

void row_source_close(const struct sql *sql, struct row_source *source)
{
    sqlite3_create_module(sql->db, ROW_SOURCE_NAME, NULL, NULL);
    free(source->bytes);
    source->bytes = NULL;
    source->byte_room = 0;
}
