#include "store/sql.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

enum {
    SQL_VALUE_MAX = 64 << 20, /* a trace chunk is at most 3 MiB before compression */
    SQL_TEXT_MAX = 1 << 20,
    SQL_COLUMNS_MAX = 200
};

/* What helps after damage: the session, if its recorder never removed it. */
void sql_advise(const char *path, char *out, size_t out_bytes)
{
    char session[4096];
    struct stat info;
    snprintf(session, sizeof session, "%s.session", path);
    if (stat(session, &info) == 0 && S_ISDIR(info.st_mode)) {
        snprintf(out, out_bytes, "try `alloctrap recover %.400s -o NEW.atrap`", session);
    } else {
        snprintf(out, out_bytes, "record it again");
    }
}

enum err_code sql_damaged(const struct sql *sql, struct err *reterr, const char *why, ...)
{
    char text[512];
    char advice[512];
    va_list args;
    va_start(args, why);
    vsnprintf(text, sizeof text, why, args);
    va_end(args);
    sql_advise(sql->path, advice, sizeof advice);
    return err_set(reterr, ERR_FORMAT, sql->path, "damaged recording: %s; %s", text, advice);
}

enum err_code sql_fail(const struct sql *sql, struct err *reterr)
{
    int code = sqlite3_errcode(sql->db) & 0xff;
    const char *text = sqlite3_errmsg(sql->db);
    switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:
    case SQLITE_TOOBIG:
    case SQLITE_AUTH:
        return sql_damaged(sql, reterr, "%s", text);
    case SQLITE_FULL:
        return err_set(reterr, ERR_SYSTEM, sql->path, "the disk is full; make room or choose -o");
    default:
        return err_set(reterr, ERR_SYSTEM, sql->path, "%s (SQLite)", text);
    }
}

static enum err_code open_with(const char *name, const char *path, int flags, struct sql *ret,
                               struct err *reterr)
{
    struct sql sql = {.path = path};
    /* Its statistics cost a lock for each allocation. Before the first database only, else refused.
     */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_open_v2(name, &sql.db, flags, NULL) != SQLITE_OK) {
        enum err_code code = err_set(reterr, ERR_SYSTEM, path, "cannot be opened: %s (SQLite)",
                                     sql.db != NULL ? sqlite3_errmsg(sql.db) : "out of memory");
        sqlite3_close(sql.db);
        return code;
    }
    *ret = sql;
    return ERR_NONE;
}

enum err_code sql_open_new(const char *absolute_path, struct sql *ret, struct err *reterr)
{
    struct sql sql;
    enum err_code code =
        open_with(absolute_path, absolute_path,
                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, &sql, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = sql_run(&sql,
                   "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
                   "PRAGMA encoding='UTF-8'",
                   reterr);
    if (code != ERR_NONE) {
        sql_close(&sql);
        return code;
    }
    *ret = sql;
    return ERR_NONE;
}

/* file:NAME?immutable=1, with what a URI cannot hold written as %XX. */
static char *immutable_uri(const char *path)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char head[] = "file:";
    static const char tail[] = "?immutable=1";
    char *uri = mem_zero(3 * strlen(path) + sizeof head + sizeof tail + 2, 1);
    char *out = stpcpy(uri, head);
    if (path[0] != '/') {
        out = stpcpy(out, "./"); /* "file://x" would name a host */
    }
    for (const char *in = path; *in != '\0'; in++) {
        if (strchr("%?#", *in) != NULL) {
            *out++ = '%';
            *out++ = hex[(unsigned char)*in >> 4];
            *out++ = hex[(unsigned char)*in & 15];
        } else if (in[0] != '/' || in[1] != '/') {
            *out++ = *in;
        }
    }
    memcpy(out, tail, sizeof tail);
    return uri;
}

void sql_distrust(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, SQL_VALUE_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, SQL_TEXT_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_COLUMN, SQL_COLUMNS_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_exec(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", NULL, NULL, NULL);
}

enum err_code sql_open_read(const char *path, struct sql *ret, struct err *reterr)
{
    struct sql sql;
    char *uri = immutable_uri(path);
    enum err_code code = open_with(
        uri, path, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, &sql, reterr);
    free(uri);
    if (code != ERR_NONE) {
        return code;
    }
    sql_distrust(sql.db);
    *ret = sql;
    return ERR_NONE;
}

enum err_code sql_run(const struct sql *sql, const char *text, struct err *reterr)
{
    if (sqlite3_exec(sql->db, text, NULL, NULL, NULL) != SQLITE_OK) {
        return sql_fail(sql, reterr);
    }
    return ERR_NONE;
}

enum err_code sql_prepare(const struct sql *sql, const char *text, sqlite3_stmt **ret,
                          struct err *reterr)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL) != SQLITE_OK) {
        return sql_fail(sql, reterr);
    }
    *ret = statement;
    return ERR_NONE;
}

enum err_code sql_step(const struct sql *sql, sqlite3_stmt *statement, bool *ret_row,
                       struct err *reterr)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return sql_fail(sql, reterr);
    }
    *ret_row = code == SQLITE_ROW;
    return ERR_NONE;
}

enum err_code sql_number(const struct sql *sql, const char *query, uint64_t *ret,
                         struct err *reterr)
{
    sqlite3_stmt *statement = NULL;
    bool has_row = false;
    enum err_code code = sql_prepare(sql, query, &statement, reterr);
    if (code == ERR_NONE) {
        code = sql_step(sql, statement, &has_row, reterr);
    }
    if (code == ERR_NONE && (!has_row || sqlite3_column_type(statement, 0) != SQLITE_INTEGER ||
                             sqlite3_column_int64(statement, 0) < 0)) {
        code = sql_damaged(sql, reterr, "no number where one must stand");
    }
    if (code == ERR_NONE) {
        *ret = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return code;
}

void sql_close(struct sql *sql)
{
    sqlite3_close(sql->db);
    sql->db = NULL;
}
