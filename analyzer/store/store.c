#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/load.h"
#include "store/save.h"
#include "store/sql.h"
#include "store/trace.h"

enum {
    HEAD_BYTES = 100, /* SQLite's file header; its fields are big-endian */
    HEAD_PAGE_BYTES_AT = 16,
    HEAD_PAGES_AT = 28,
    HEAD_VERSION_AT = 60,
    HEAD_APPLICATION_AT = 68,
    COPY_FREELY_BYTES = 64 << 20, /* a trace up to this goes into every checkpoint */
    SAVE_SHARE = 10               /* beyond it, saving may take one part in ten of the time */
};

/*
 * A recording is never changed in place. Each save writes a new file, NAME.tmp-<16 hex>, and
 * renames it over NAME: whoever reads NAME, at any moment and after any kill, sees one whole
 * checkpoint; no journal ever stands beside it, so it can be read from a read-only folder.
 */
struct store {
    char *path; /* absolute, its folder without links */
    char *folder;
    bool is_ours;      /* NAME is ours to replace: a recording that was there, or our own save */
    uint64_t saved_ns; /* when the last save ended, CLOCK_MONOTONIC */
    uint64_t save_took_ns;
    struct trace_spool *spool; /* NULL without --trace */
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static uint64_t big_endian(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static bool is_sqlite(const uint8_t *head, size_t len)
{
    return len == HEAD_BYTES && memcmp(head, "SQLite format 3", 16) == 0;
}

static bool is_recording(const uint8_t *head, size_t len)
{
    return is_sqlite(head, len) &&
           big_endian(head + HEAD_APPLICATION_AT, 4) == STORE_APPLICATION_ID;
}

/* Says why path cannot be opened; a recorder killed before its first checkpoint left a session. */
static enum err_code missing(const char *path, struct err *reterr)
{
    int why = errno;
    char advice[512];
    sql_advise(path, advice, sizeof advice);
    if (why == ENOENT && strncmp(advice, "try", 3) == 0) {
        return err_set(reterr, ERR_MISSING, path, "has no checkpoint yet; %s", advice);
    }
    return err_set(reterr, ERR_MISSING, path, "cannot be opened: %s", strerror(why));
}

/* Reads the first bytes of a regular file; the error says what stands in the way. */
static enum err_code read_head(const char *path, uint8_t *head, size_t *ret_len, uint64_t *ret_size,
                               struct err *reterr)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return missing(path, reterr);
    }
    struct stat info;
    enum err_code code = ERR_NONE;
    ssize_t got = 0;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        code = err_set(reterr, ERR_FORMAT, path, "is a %s, not a recording",
                       S_ISDIR(info.st_mode) ? "directory" : "device or pipe");
    } else if ((got = pread(fd, head, HEAD_BYTES, 0)) < 0) {
        code = err_set(reterr, ERR_MISSING, path, "cannot be read: %s", strerror(errno));
    }
    close(fd);
    if (code == ERR_NONE) {
        *ret_len = (size_t)got;
        *ret_size = (uint64_t)info.st_size;
    }
    return code;
}

/* Before SQLite opens it: is it a recording, of a format we know, and as long as it says? */
static enum err_code check_head(const char *path, struct err *reterr)
{
    uint8_t head[HEAD_BYTES];
    size_t len = 0;
    uint64_t size_bytes = 0;
    enum err_code code = read_head(path, head, &len, &size_bytes, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    if (!is_sqlite(head, len)) {
        return err_set(reterr, ERR_FORMAT, path, "%s",
                       len == 0 ? "is empty, not an alloctrap recording"
                                : "is not an alloctrap recording");
    }
    if (!is_recording(head, len)) {
        return err_set(reterr, ERR_FORMAT, path,
                       "is an SQLite database, but not an alloctrap recording");
    }
    uint64_t version = big_endian(head + HEAD_VERSION_AT, 4);
    if (version > STORE_VERSION) {
        return err_set(reterr, ERR_FORMAT, path,
                       "made by a newer alloctrap (format %" PRIu64
                       ", this one reads up to %d): update alloctrap",
                       version, STORE_VERSION);
    }
    uint64_t page_bytes = big_endian(head + HEAD_PAGE_BYTES_AT, 2);
    uint64_t whole_bytes =
        (page_bytes == 1 ? 65536 : page_bytes) * big_endian(head + HEAD_PAGES_AT, 4);
    if (size_bytes < whole_bytes) {
        struct sql named = {.path = path};
        return sql_damaged(&named, reterr, "cut short, %" PRIu64 " of %" PRIu64 " bytes are there",
                           size_bytes, whole_bytes);
    }
    return ERR_NONE;
}

/* What stands at path now may be replaced only if it is a recording. */
static enum err_code check_target(struct store *store, const char *shown, struct err *reterr)
{
    struct stat info;
    if (lstat(store->path, &info) != 0) {
        return errno == ENOENT ? ERR_NONE
                               : err_set(reterr, ERR_SYSTEM, shown, "%s", strerror(errno));
    }
    uint8_t head[HEAD_BYTES];
    size_t len = 0;
    uint64_t size_bytes = 0;
    if (S_ISREG(info.st_mode)) {
        enum err_code code = read_head(store->path, head, &len, &size_bytes, reterr);
        if (code != ERR_NONE) {
            return code;
        }
        if (is_recording(head, len)) {
            store->is_ours = true;
            return ERR_NONE;
        }
    }
    return err_set(reterr, ERR_SYSTEM, shown,
                   "is there already and is not a recording; choose another name with -o");
}

/* A new file beside the recording, 0600, never one that was there; the caller frees *ret_name. */
static enum err_code make_temporary(const struct store *store, char **ret_name, struct err *reterr)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        return err_set(reterr, ERR_SYSTEM, store->path, "no random number: %s", strerror(errno));
    }
    char *name = mem_format("%s.tmp-%016" PRIx64, store->path, number);
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        enum err_code code =
            err_set(reterr, ERR_SYSTEM, store->path, "cannot be written: %s", strerror(errno));
        free(name);
        return code;
    }
    close(fd);
    *ret_name = name;
    return ERR_NONE;
}

/* path's folder without links, and path in it. */
static enum err_code place(struct store *store, const char *path, struct err *reterr)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return err_set(reterr, ERR_SYSTEM, path, "is a directory; name a file with -o");
    }
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : mem_text(".");
    store->folder = folder != NULL ? realpath(folder, NULL) : NULL;
    free(folder);
    if (store->folder == NULL) {
        return err_set(reterr, ERR_SYSTEM, path, "its folder cannot be used: %s", strerror(errno));
    }
    store->path = mem_format("%s/%s", strcmp(store->folder, "/") == 0 ? "" : store->folder, name);
    return ERR_NONE;
}

static void destroy(struct store *store)
{
    trace_spool_destroy(store->spool);
    free(store->path);
    free(store->folder);
    free(store);
}

enum err_code store_create(const char *path, struct store **ret, struct err *reterr)
{
    struct store *store = mem_zero(1, sizeof *store);
    enum err_code code = place(store, path, reterr);
    if (code == ERR_NONE) {
        code = check_target(store, path, reterr);
    }
    char *name = NULL;
    if (code == ERR_NONE) { /* says now, not after hours, that the folder cannot be written */
        code = make_temporary(store, &name, reterr);
    }
    if (code != ERR_NONE) {
        destroy(store);
        return code;
    }
    unlink(name);
    free(name);
    *ret = store;
    return ERR_NONE;
}

/* A checkpoint copies the whole trace: of a long one, only as often as time allows. */
static bool may_wait(const struct store *store, const struct profile *profile)
{
    return store->spool != NULL && !profile->run.is_complete && store->saved_ns != 0 &&
           trace_spool_bytes(store->spool) > COPY_FREELY_BYTES &&
           now_ns() - store->saved_ns < SAVE_SHARE * store->save_took_ns;
}

static enum err_code write_file(const struct store *store, const struct profile *profile,
                                const char *name, struct err *reterr)
{
    struct sql sql;
    enum err_code code = sql_open_new(name, &sql, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = sql_run(&sql, "BEGIN", reterr);
    if (code == ERR_NONE) {
        code = save_profile(&sql, profile, reterr);
    }
    if (code == ERR_NONE && store->spool != NULL) {
        code = trace_spool_save(store->spool, &sql, reterr);
    }
    if (code == ERR_NONE) {
        code = sql_run(&sql, "COMMIT", reterr);
    }
    sql_close(&sql);
    return code;
}

/* The last save waits for the disk, so that a finished recording outlives a power cut. */
static enum err_code settle_on_disk(const char *name, struct err *reterr)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int result = fd < 0 ? -1 : fsync(fd);
    enum err_code code =
        result == 0 ? ERR_NONE
                    : err_set(reterr, ERR_SYSTEM, name, "cannot be written: %s", strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return code;
}

/* The first save must not replace what appeared since store_create(). */
static enum err_code put_in_place(struct store *store, const char *name, struct err *reterr)
{
    unsigned flags = store->is_ours ? 0 : RENAME_NOREPLACE;
    int result = renameat2(AT_FDCWD, name, AT_FDCWD, store->path, flags);
    if (result != 0 && errno == EINVAL && flags != 0) { /* a file system without NOREPLACE */
        result = access(store->path, F_OK) == 0 ? -1 : rename(name, store->path);
    }
    if (result != 0) {
        return err_set(reterr, ERR_SYSTEM, store->path, "cannot be put in place: %s",
                       strerror(errno));
    }
    store->is_ours = true;
    return ERR_NONE;
}

enum err_code store_save(struct store *store, const struct profile *profile, struct err *reterr)
{
    if (may_wait(store, profile)) {
        return ERR_NONE;
    }
    uint64_t start_ns = now_ns();
    char *name = NULL;
    enum err_code code = make_temporary(store, &name, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = write_file(store, profile, name, reterr);
    if (code == ERR_NONE && profile->run.is_complete) {
        code = settle_on_disk(name, reterr);
    }
    if (code == ERR_NONE) {
        code = put_in_place(store, name, reterr);
    }
    if (code != ERR_NONE) {
        unlink(name);
    }
    free(name);
    store->saved_ns = now_ns();
    store->save_took_ns = store->saved_ns - start_ns;
    return code;
}

enum err_code store_trace(struct store *store, const struct heap_event *events, size_t count,
                          struct err *reterr)
{
    if (store->spool == NULL) {
        store->spool = trace_spool_create(store->folder);
    }
    return trace_spool_add(store->spool, events, count, reterr);
}

enum err_code store_close(struct store *store, struct err *reterr)
{
    (void)reterr; /* saves are whole files: nothing is left to write, so nothing can fail */
    if (store != NULL) {
        destroy(store);
    }
    return ERR_NONE;
}

static enum err_code open_checked(const char *path, struct sql *ret, struct err *reterr)
{
    enum err_code code = check_head(path, reterr);
    return code != ERR_NONE ? code : sql_open_read(path, ret, reterr);
}

enum err_code store_load(const char *path, struct profile **ret, struct err *reterr)
{
    struct sql sql;
    enum err_code code = open_checked(path, &sql, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = load_profile(&sql, ret, reterr);
    sql_close(&sql);
    return code;
}

enum err_code store_trace_each(const char *path, store_trace_visit visit, void *context,
                               struct err *reterr)
{
    struct sql sql;
    enum err_code code = open_checked(path, &sql, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = trace_read(&sql, visit, context, reterr);
    sql_close(&sql);
    return code;
}

enum err_code store_trace_size(const char *path, struct store_trace_size *ret, struct err *reterr)
{
    struct sql sql;
    enum err_code code = open_checked(path, &sql, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    struct store_trace_size size = {0, 0};
    code =
        sql_number(&sql, "SELECT coalesce(sum(events), 0) FROM trace_chunk", &size.events, reterr);
    if (code == ERR_NONE) {
        code = sql_number(&sql, "SELECT coalesce(sum(length(data)), 0) FROM trace_chunk",
                          &size.bytes, reterr);
    }
    sql_close(&sql);
    if (code == ERR_NONE) {
        *ret = size;
    }
    return code;
}
