/*
 * sql - the analyzer's one door to SQLite: open, run, prepare, and SQLite's errors as ours.
 * Owner: the caller closes what it opened. Threads: one at a time.
 */
#ifndef ALLOCTRAP_STORE_SQL_H
#define ALLOCTRAP_STORE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/err.h"

/* A database and the name that messages use for it. */
struct sql {
    sqlite3 *db;
    const char *path; /* borrowed */
};

/* Opens an existing empty file at an absolute path without links in it, for one writer that writes
 * it whole: no journal, no waiting for the disk. */
ERR_CHECKED enum err_code sql_open_new(const char *absolute_path, struct sql *ret,
                                       struct err *reterr);

/* Opens a file read-only, as one that nobody changes in place: takes no lock and makes no file
 * beside it, so a read-only folder will do. The schema in it is not trusted. */
ERR_CHECKED enum err_code sql_open_read(const char *path, struct sql *ret, struct err *reterr);

/* Makes a connection safe for a hostile file: no triggers, no views, no functions, no big values.
 */
void sql_distrust(sqlite3 *db);

/* Runs statements that give no rows. */
ERR_CHECKED enum err_code sql_run(const struct sql *sql, const char *text, struct err *reterr);

/* Prepares one statement; sqlite3_finalize() it. */
ERR_CHECKED enum err_code sql_prepare(const struct sql *sql, const char *text, sqlite3_stmt **ret,
                                      struct err *reterr);

/* Steps; *ret_row says whether there is a row. */
ERR_CHECKED enum err_code sql_step(const struct sql *sql, sqlite3_stmt *statement, bool *ret_row,
                                   struct err *reterr);

/* One value of one row of a query, which must be an integer >= 0. */
ERR_CHECKED enum err_code sql_number(const struct sql *sql, const char *query, uint64_t *ret,
                                     struct err *reterr);

/* What helps when the recording at path cannot be read: `recover`, where its session still is. */
void sql_advise(const char *path, char *out, size_t out_bytes);

/* Fills an error from what the connection says last. Damage is ERR_FORMAT, the rest ERR_SYSTEM. */
enum err_code sql_fail(const struct sql *sql, struct err *reterr);

/* Fills an ERR_FORMAT error: "damaged: WHY; what to do". */
__attribute__((format(printf, 3, 4))) enum err_code
sql_damaged(const struct sql *sql, struct err *reterr, const char *why, ...);

/* Closes; all statements must be finalized. */
void sql_close(struct sql *sql);

#endif
