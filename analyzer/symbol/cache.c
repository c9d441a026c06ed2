#include "symbol/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sql.h"
#include "symbol/demangle.h"

enum {
    CACHE_VERSION = 2,    /* of the tables and of how names are made readable */
    CACHE_WAIT_MS = 2000, /* for another writer, who needs some ms */
    BUILD_ID_MIN = 8      /* shorter ones are no hashes: two builds may share one */
};

/* Beyond it each newly opened file makes the oldest one go. */
static const uint64_t cache_bytes_max = (uint64_t)256 << 20;

struct cache {
    sqlite3 *db;
    sqlite3_stmt *find;
    sqlite3_stmt *add;
    bool is_adding;
};

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS line(address INTEGER, step INTEGER, function TEXT NOT NULL,"
    " linked TEXT NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL, is_inlined INTEGER NOT NULL,"
    " PRIMARY KEY(address, step)) WITHOUT ROWID; PRAGMA user_version=2";

/* Makes the folders that are missing, and takes none that others can change. */
static char *open_folder(void)
{
    struct stat info;
    const char *off = getenv("ALLOCTRAP_SYMBOL_CACHE");
    const char *root = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char *base = NULL;
    if (off != NULL && strcmp(off, "off") == 0) {
        return NULL;
    }
    if (root != NULL && root[0] == '/') {
        base = mem_text(root);
    } else if (home != NULL && home[0] == '/') {
        base = mem_format("%s/.cache", home);
    } else {
        return NULL;
    }
    char *ours = mem_format("%s/alloctrap", base);
    char *folder = mem_format("%s/symbols", ours);
    mkdir(base, 0700);
    mkdir(ours, 0700);
    mkdir(folder, 0700);
    if (lstat(folder, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid() ||
        (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        free(folder);
        folder = NULL;
    }
    free(ours);
    free(base);
    return folder;
}

/* Removes the file that was not written for the longest time, when all are too large together. */
static void make_room(const char *folder)
{
    DIR *dir = opendir(folder);
    char *oldest = NULL;
    time_t oldest_s = 0;
    uint64_t bytes = 0;
    if (dir == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat info;
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(info.st_mode)) {
            continue;
        }
        bytes += (uint64_t)info.st_size;
        if (oldest == NULL || info.st_mtim.tv_sec < oldest_s) {
            free(oldest);
            oldest = mem_text(entry->d_name);
            oldest_s = info.st_mtim.tv_sec;
        }
    }
    if (bytes > cache_bytes_max && oldest != NULL) {
        unlinkat(dirfd(dir), oldest, 0);
    }
    free(oldest);
    closedir(dir);
}

static bool is_current(sqlite3 *db)
{
    sqlite3_stmt *version = NULL;
    bool is_ours =
        sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &version, NULL) == SQLITE_OK &&
        sqlite3_step(version) == SQLITE_ROW &&
        (sqlite3_column_int(version, 0) == 0 || sqlite3_column_int(version, 0) == CACHE_VERSION);
    sqlite3_finalize(version);
    return is_ours;
}

static bool open_file(struct cache *cache, const char *path)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW;
    if (sqlite3_open_v2(path, &cache->db, flags, NULL) != SQLITE_OK) {
        return false;
    }
    sql_distrust(cache->db);
    sqlite3_busy_timeout(cache->db, CACHE_WAIT_MS);
    return is_current(cache->db) &&
           sqlite3_exec(cache->db, "PRAGMA synchronous=OFF", NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(cache->db, tables, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(cache->db,
                              "SELECT function, linked, file, line, is_inlined FROM line"
                              " WHERE address = ? ORDER BY step",
                              -1, &cache->find, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(cache->db, "INSERT OR IGNORE INTO line VALUES(?,?,?,?,?,?,?)", -1,
                              &cache->add, NULL) == SQLITE_OK;
}

static void close_file(struct cache *cache)
{
    sqlite3_finalize(cache->find);
    sqlite3_finalize(cache->add);
    sqlite3_close(cache->db);
    *cache = (struct cache){0};
}

static char *file_name(const char *folder, const uint8_t *build_id, size_t len)
{
    char *path = mem_zero(strlen(folder) + 2 * len + sizeof "/.sqlite", 1);
    char *end = stpcpy(stpcpy(path, folder), "/");
    for (size_t i = 0; i < len; i++) {
        end += sprintf(end, "%02x", build_id[i]);
    }
    strcpy(end, ".sqlite");
    return path;
}

struct cache *cache_open(const uint8_t *build_id, size_t build_id_len)
{
    char *folder = build_id_len >= BUILD_ID_MIN ? open_folder() : NULL;
    if (folder == NULL) {
        return NULL;
    }
    make_room(folder);
    char *path = file_name(folder, build_id, build_id_len);
    struct cache *cache = mem_zero(1, sizeof *cache);
    bool is_open = open_file(cache, path);
    int why = is_open ? SQLITE_OK : sqlite3_errcode(cache->db);
    if (!is_open && why != SQLITE_BUSY &&
        why != SQLITE_LOCKED) { /* damaged, or of another version */
        close_file(cache);
        unlink(path);
        is_open = open_file(cache, path);
    }
    free(path);
    free(folder);
    if (!is_open) {
        close_file(cache);
        free(cache);
        return NULL;
    }
    return cache;
}

void cache_close(struct cache *cache)
{
    if (cache == NULL) {
        return;
    }
    if (cache->is_adding) {
        sqlite3_exec(cache->db, "COMMIT", NULL, NULL, NULL);
    }
    close_file(cache);
    free(cache);
}

/* A copy, or NULL for what we would never have stored. */
static char *column_text(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    size_t bytes = (size_t)sqlite3_column_bytes(row, column);
    if (text == NULL || bytes > DEMANGLE_NAME_MAX || strlen((const char *)text) != bytes) {
        return NULL;
    }
    return mem_text((const char *)text);
}

static bool read_line(sqlite3_stmt *row, char *texts[3], struct worker_line *ret)
{
    for (int i = 0; i < 3; i++) {
        texts[i] = column_text(row, i);
        if (texts[i] == NULL) {
            return false;
        }
    }
    *ret =
        (struct worker_line){texts[0], texts[1], texts[2], (uint32_t)sqlite3_column_int64(row, 3),
                             sqlite3_column_int(row, 4) != 0};
    return true;
}

bool cache_find(struct cache *cache, uint64_t address, size_t index, worker_visit *visit,
                void *context)
{
    struct worker_line lines[OBJECT_LINES_MAX];
    char *texts[OBJECT_LINES_MAX][3] = {0};
    size_t count = 0;
    bool is_fine = true;
    sqlite3_bind_int64(cache->find, 1, (sqlite3_int64)address);
    while (is_fine && count < OBJECT_LINES_MAX && sqlite3_step(cache->find) == SQLITE_ROW) {
        is_fine = read_line(cache->find, texts[count], &lines[count]);
        count++;
    }
    sqlite3_reset(cache->find);
    is_fine = is_fine && count > 0 && !lines[count - 1].is_inlined;
    if (is_fine) {
        struct worker_answer answer = {index, lines, count, true, false};
        visit(context, &answer);
    }
    for (size_t i = 0; i < count; i++) {
        free(texts[i][0]);
        free(texts[i][1]);
        free(texts[i][2]);
    }
    return is_fine;
}

void cache_add(struct cache *cache, uint64_t address, const struct worker_line *lines, size_t count)
{
    if (!cache->is_adding) { /* one transaction: others see all of it or nothing */
        cache->is_adding =
            sqlite3_exec(cache->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
    }
    for (size_t i = 0; i < count && cache->is_adding; i++) {
        sqlite3_bind_int64(cache->add, 1, (sqlite3_int64)address);
        sqlite3_bind_int64(cache->add, 2, (sqlite3_int64)i);
        sqlite3_bind_text(cache->add, 3, lines[i].function, -1, SQLITE_STATIC);
        sqlite3_bind_text(cache->add, 4, lines[i].linked, -1, SQLITE_STATIC);
        sqlite3_bind_text(cache->add, 5, lines[i].file, -1, SQLITE_STATIC);
        sqlite3_bind_int64(cache->add, 6, lines[i].line);
        sqlite3_bind_int(cache->add, 7, lines[i].is_inlined);
        sqlite3_step(cache->add);
        sqlite3_reset(cache->add);
    }
}
