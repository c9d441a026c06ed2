/*
 * rows - arrays of structs <-> SQLite tables, by a description of the columns.
 * One description makes the CREATE TABLE text, the INSERT and the checked SELECT, so that what is
 * written and what is read cannot part ways. The id of a row is its index in the array.
 */
#ifndef ALLOCTRAP_STORE_ROWS_H
#define ALLOCTRAP_STORE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "store/sql.h"

/* What a column holds. DERIVED ones are written for people and never read back. */
enum row_kind {
    ROW_U8,
    ROW_U32,
    ROW_U64,    /* beyond INT64_MAX it is stored as INT64_MAX */
    ROW_BITS64, /* an address: all 64 bits, as a signed number */
    ROW_I32,
    ROW_BOOL,
    ROW_TEXT,     /* const char *, never NULL after loading */
    ROW_BUILD_ID, /* struct profile_module's build id, as hexadecimal text */
    ROW_HIST,     /* struct hist as a blob (hist_encode) */
    ROW_QUANTILE, /* DERIVED from the struct hist at offset; limit = per ten thousand */
    ROW_LOWEST,   /* DERIVED, likewise */
    ROW_HIGHEST,  /* DERIVED, likewise */
    ROW_NAME      /* DERIVED: names[id], at offset 0 of nothing */
};

/* The value of a U8 or U32 must be below this; the loader knows the figures. */
enum row_limit {
    ROW_ANY,
    ROW_MODULES,
    ROW_FRAMES,
    ROW_PATHS,
    ROW_SITES,
    ROW_PROCESSES,
    ROW_CALLS,
    ROW_EXITS,
    ROW_ORIGINS,
    ROW_FRAME_FLAGS,
    ROW_DEPTHS,
    ROW_LINES,
    ROW_SPANS,
    ROW_SPAN_KINDS,
    ROW_CAUSES,
    ROW_LIMIT_COUNT
};

struct row_column {
    const char *name;
    enum row_kind kind;
    size_t offset;
    uint32_t limit;                    /* enum row_limit; a quantile for ROW_QUANTILE */
    const char *(*name_of)(size_t id); /* ROW_NAME */
};

struct row_table {
    const char *name;
    const struct row_column *columns;
    size_t column_count;
    size_t item_bytes;
    size_t rows_max;
};

/* Takes a row that has been read: true keeps it (and owns its histograms), false refuses it. */
typedef bool row_take(void *context, size_t id, void *item);

struct row_reader {
    const struct sql *sql;
    struct mem_strings *strings; /* keeps the texts */
    uint64_t limits[ROW_LIMIT_COUNT];
};

/* "CREATE TABLE ..." exactly as SQLite keeps it; free() it. */
char *rows_create_text(const struct row_table *table);

/* Inserts count items with ids 0 .. count - 1. */
ERR_CHECKED enum err_code rows_save(const struct sql *sql, const struct row_table *table,
                                    const void *items, size_t count, struct err *reterr);

/* Reads all rows in order of id, checks each value, hands each to take. */
ERR_CHECKED enum err_code rows_load(const struct row_reader *reader, const struct row_table *table,
                                    row_take *take, void *context, struct err *reterr);

#endif
