/*
 * row_source - an array of structs as a table that SQLite can select from, so that one
 * `INSERT ... SELECT` writes all of it: a statement for each row, with each value bound to it,
 * costs twice as much.
 * Not for: reading a recording; no name in one can mean this table.
 * Owner: the caller's struct, from open to close; items must stay as they are.
 * Threads: one at a time. Memory: room for one encoded histogram.
 */
#ifndef ALLOCTRAP_STORE_ROW_SOURCE_H
#define ALLOCTRAP_STORE_ROW_SOURCE_H

#include "store/rows.h"

#define ROW_SOURCE_NAME "row_source"

struct row_source {
    const struct row_table *table;
    const void *items;
    size_t count;
    size_t at;      /* the item that is being read */
    uint8_t *bytes; /* a histogram being encoded */
    size_t byte_room;
};

/* Makes the source known as ROW_SOURCE_NAME: a column for the id, which is NULL but for the first
 * row (SQLite numbers faster than it takes numbers), then one for each of the table's. */
ERR_CHECKED enum err_code row_source_open(const struct sql *sql, struct row_source *source,
                                          struct err *reterr);

/* Forgets it. No statement that reads it may be left. */
void row_source_close(const struct sql *sql, struct row_source *source);

#endif
