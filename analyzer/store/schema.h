/*
 * schema - the tables and views of a recording, format 1 (docs/recording-format.md).
 * A change of any table is a new STORE_VERSION. Views may change freely: the loader never uses one.
 */
#ifndef ALLOCTRAP_STORE_SCHEMA_H
#define ALLOCTRAP_STORE_SCHEMA_H

#include "heap/profile.h"
#include "store/rows.h"

/* In the order in which they are written and read: what others refer to comes first. */
enum schema_table {
    SCHEMA_MODULE,
    SCHEMA_SYMBOL,
    SCHEMA_FRAME,
    SCHEMA_PATH,
    SCHEMA_SITE,
    SCHEMA_SITE_CALL,
    SCHEMA_PAIR,
    SCHEMA_PROCESS,
    SCHEMA_RUN,
    SCHEMA_CALL_TOTAL,
    SCHEMA_LOSS,
    SCHEMA_BIN,
    SCHEMA_SLOW_CALL,
    SCHEMA_SLOW_CAUSE,
    SCHEMA_SPAN,
    SCHEMA_SPAN_CALL,
    SCHEMA_NOTE,
    SCHEMA_TABLE_COUNT
};

/* A row of call_total; its id is enum hook_call. */
struct schema_call_total {
    struct profile_calls counts;
    struct hist latency;
};

extern const struct row_table schema_tables[SCHEMA_TABLE_COUNT];

/* The table of trace chunks, written by trace.c. */
extern const char schema_trace_table[];

/* Creates all tables. */
ERR_CHECKED enum err_code schema_create(const struct sql *sql, struct err *reterr);

/* Creates the views for people; after the data, since they cost nothing then. */
ERR_CHECKED enum err_code schema_create_views(const struct sql *sql, struct err *reterr);

/* ERR_FORMAT unless every table is there exactly as schema_create() makes it: no view, virtual
 * table, generated column or default hides behind a name that the loader selects from. */
ERR_CHECKED enum err_code schema_check(const struct sql *sql, struct err *reterr);

#endif
