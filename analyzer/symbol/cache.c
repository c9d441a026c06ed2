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
    CACHE_VERSION = 3,    /* of the tables and of how names are made readable */
    CACHE_WAIT_MS = 2000, /* for another writer, who needs some ms */
    BUILD_ID_MIN = 8      /* shorter ones are no hashes: two builds may share one */
};

static const uint64_t cache_bytes_max = (uint64_t)256 << 20;

struct cache {
    sqlite3 *db;
    sqlite3_stmt *find;
    sqlite3_stmt *add;
    char *folder;
    uint64_t stamp;
    bool is_finding; /* in a transaction */
    bool is_adding;  /* the same */
    bool is_busy;    /* another has had it for so long that it is left alone */
};

static const char tables[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS line(address INTEGER, step INTEGER, function TEXT NOT NULL,"
    " linked TEXT NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL, is_inlined INTEGER NOT NULL,"
    " stamp INTEGER NOT NULL, PRIMARY KEY(address, step)) WITHOUT ROWID;"
    "PRAGMA user_version=3; COMMIT";

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

struct kept_file {
    char *name;
    uint64_t bytes;
    struct timespec used; /* its time of change is set anew when it is used */
};

static int by_use(const void *left, const void *right)
{
    const struct kept_file *a = left;
    const struct kept_file *b = right;
    if (a->used.tv_sec != b->used.tv_sec) {
        return (a->used.tv_sec > b->used.tv_sec) - (a->used.tv_sec < b->used.tv_sec);
    }
    return (a->used.tv_nsec > b->used.tv_nsec) - (a->used.tv_nsec < b->used.tv_nsec);
}

/* Removes what was not used for the longest time, until the others are small enough together. */
static void make_room(const char *folder)
{
    DIR *dir = opendir(folder);
    MEM_ARRAY(struct kept_file) files = {0};
    uint64_t bytes = 0;
    if (dir == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat info;
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode)) {
            *MEM_PUSH(&files) =
                (struct kept_file){mem_text(entry->d_name), (uint64_t)info.st_size, info.st_mtim};
            bytes += (uint64_t)info.st_size;
        }
    }
    if (bytes > cache_bytes_max) {
        qsort(files.at, files.count, sizeof *files.at, by_use);
    }
    for (size_t i = 0; i < files.count; i++) {
        if (bytes > cache_bytes_max && unlinkat(dirfd(dir), files.at[i].name, 0) == 0) {
            bytes -= files.at[i].bytes;
        }
        free(files.at[i].name);
    }
    free(files.at);
    closedir(dir);
}

static int version_of(sqlite3 *db)
{
    sqlite3_stmt *query = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW) {
        version = sqlite3_column_int(query, 0);
    }
    sqlite3_finalize(query);
    return version;
}

static bool open_file(struct cache *cache, const char *path)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &cache->db, flags, NULL) != SQLITE_OK) {
        return false;
    }
    sql_distrust(cache->db);
    sqlite3_busy_timeout(cache->db, CACHE_WAIT_MS);
    int version = version_of(cache->db);
    return (version == 0 || version == CACHE_VERSION) &&
           sqlite3_exec(cache->db, "PRAGMA synchronous=OFF", NULL, NULL, NULL) == SQLITE_OK &&
           (version != 0 || sqlite3_exec(cache->db, tables, NULL, NULL, NULL) == SQLITE_OK) &&
           sqlite3_prepare_v2(cache->db,
                              "SELECT function, linked, file, line, is_inlined FROM line"
                              " WHERE address = ? AND stamp IN (0, ?) ORDER BY step",
                              -1, &cache->find, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(cache->db, "INSERT OR REPLACE INTO line VALUES(?,?,?,?,?,?,?,?)", -1,
                              &cache->add, NULL) == SQLITE_OK;
}

static void close_file(struct cache *cache)
{
    sqlite3_finalize(cache->find);
    sqlite3_finalize(cache->add);
    sqlite3_close(cache->db);
    cache->find = NULL;
    cache->add = NULL;
    cache->db = NULL;
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

struct cache *cache_open(const uint8_t *build_id, size_t build_id_len, uint64_t stamp)
{
    char *folder = build_id_len >= BUILD_ID_MIN ? open_folder() : NULL;
    if (folder == NULL) {
        return NULL;
    }
    char *path = file_name(folder, build_id, build_id_len);
    struct cache *cache = mem_zero(1, sizeof *cache);
    cache->folder = folder;
    cache->stamp = stamp;
    bool is_open = open_file(cache, path);
    int why = is_open ? SQLITE_OK : sqlite3_errcode(cache->db);
    if (!is_open && why != SQLITE_BUSY &&
        why != SQLITE_LOCKED) { /* damaged, or of another version */
        close_file(cache);
        unlink(path);
        is_open = open_file(cache, path);
    }
    if (is_open) {
        (void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW); /* it is used */
    } else {
        cache_close(cache);
        cache = NULL;
    }
    free(path);
    return cache;
}

void cache_close(struct cache *cache)
{
    if (cache == NULL) {
        return;
    }
    if (cache->is_adding) {
        sqlite3_exec(cache->db, "COMMIT", NULL, NULL, NULL);
        make_room(cache->folder);
    }
    close_file(cache);
    free(cache->folder);
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
    if (cache->is_busy) {
        return false;
    }
    if (!cache->is_finding) { /* each on its own would lock the file and look for journals */
        cache->is_finding = sqlite3_exec(cache->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
    }
    sqlite3_bind_int64(cache->find, 1, (sqlite3_int64)address);
    sqlite3_bind_int64(cache->find, 2, (sqlite3_int64)cache->stamp);
    while (is_fine && count < OBJECT_LINES_MAX && sqlite3_step(cache->find) == SQLITE_ROW) {
        is_fine = read_line(cache->find, texts[count], &lines[count]);
        count++;
    }
    cache->is_busy = sqlite3_reset(cache->find) == SQLITE_BUSY;
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

void cache_found(struct cache *cache)
{
    if (cache != NULL && cache->is_finding) {
        sqlite3_exec(cache->db, "COMMIT", NULL, NULL, NULL);
        cache->is_finding = false;
    }
}

void cache_add(struct cache *cache, uint64_t address, const struct worker_line *lines, size_t count,
               bool is_whole)
{
    if (cache->is_busy || (!is_whole && cache->stamp == 0)) {
        return;
    }
    if (!cache->is_adding) { /* one transaction: others see all of it or nothing */
        cache->is_adding =
            sqlite3_exec(cache->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
        cache->is_busy = !cache->is_adding;
    }
    for (size_t i = 0; i < count && cache->is_adding; i++) {
        sqlite3_bind_int64(cache->add, 1, (sqlite3_int64)address);
        sqlite3_bind_int64(cache->add, 2, (sqlite3_int64)i);
        sqlite3_bind_text(cache->add, 3, lines[i].function, -1, SQLITE_STATIC);
        sqlite3_bind_text(cache->add, 4, lines[i].linked, -1, SQLITE_STATIC);
        sqlite3_bind_text(cache->add, 5, lines[i].file, -1, SQLITE_STATIC);
        sqlite3_bind_int64(cache->add, 6, lines[i].line);
        sqlite3_bind_int(cache->add, 7, lines[i].is_inlined);
        sqlite3_bind_int64(cache->add, 8, is_whole ? 0 : (sqlite3_int64)cache->stamp);
        sqlite3_step(cache->add);
        sqlite3_reset(cache->add);
    }
}
