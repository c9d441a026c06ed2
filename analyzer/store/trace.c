#include "store/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "base/mem.h"

enum { EVENT_BYTES = sizeof(struct heap_event), ZSTD_LEVEL = 3 };

struct chunk {
    uint64_t at; /* in the spool file */
    uint64_t bytes;
    uint64_t events;
};

struct trace_spool {
    char *folder;
    int fd; /* -1 before the first chunk */
    uint64_t bytes;
    MEM_ARRAY(struct chunk) chunks;
    size_t pending_count;
    struct heap_event *pending; /* TRACE_CHUNK_EVENTS */
};

static void transpose(const uint8_t *in, size_t rows, size_t columns, uint8_t *out)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            out[column * rows + row] = in[row * columns + column];
        }
    }
}

void trace_pack(const struct heap_event *events, size_t count, uint8_t **ret_bytes, size_t *ret_len)
{
    size_t raw_bytes = count * EVENT_BYTES;
    struct heap_event *deltas = mem_zero(count, EVENT_BYTES);
    uint8_t *columns = mem_zero(raw_bytes, 1);
    memcpy(deltas, events, raw_bytes);
    for (size_t i = 1; i < count; i++) {
        deltas[i].time_ns = events[i].time_ns - events[i - 1].time_ns;
    }
    transpose((const uint8_t *)deltas, count, EVENT_BYTES, columns);
    size_t room = ZSTD_compressBound(raw_bytes);
    *ret_bytes = mem_zero(room, 1);
    *ret_len = ZSTD_compress(*ret_bytes, room, columns, raw_bytes, ZSTD_LEVEL);
    free(columns);
    free(deltas);
}

bool trace_unpack(const uint8_t *bytes, size_t len, size_t count, struct heap_event *ret_events)
{
    size_t raw_bytes = count * EVENT_BYTES;
    if (ZSTD_getFrameContentSize(bytes, len) != raw_bytes) {
        return false;
    }
    uint8_t *columns = mem_zero(raw_bytes, 1);
    bool is_whole = ZSTD_decompress(columns, raw_bytes, bytes, len) == raw_bytes;
    if (is_whole) {
        transpose(columns, EVENT_BYTES, count, (uint8_t *)ret_events);
        for (size_t i = 1; i < count; i++) {
            ret_events[i].time_ns += ret_events[i - 1].time_ns;
        }
    }
    free(columns);
    return is_whole;
}

struct trace_spool *trace_spool_create(const char *folder)
{
    struct trace_spool *spool = mem_zero(1, sizeof *spool);
    spool->folder = mem_text(folder);
    spool->fd = -1;
    spool->pending = mem_zero(TRACE_CHUNK_EVENTS, EVENT_BYTES);
    return spool;
}

void trace_spool_destroy(struct trace_spool *spool)
{
    if (spool == NULL) {
        return;
    }
    if (spool->fd >= 0) {
        close(spool->fd);
    }
    free(spool->chunks.at);
    free(spool->pending);
    free(spool->folder);
    free(spool);
}

/* A file without a name: it is gone when we are, however we end. */
static enum err_code open_spool(struct trace_spool *spool, struct err *reterr)
{
    spool->fd = open(spool->folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (spool->fd < 0) { /* some file systems have no O_TMPFILE */
        char *name = mem_format("%s/.alloctrap-trace-XXXXXX", spool->folder);
        spool->fd = mkostemp(name, O_CLOEXEC);
        if (spool->fd >= 0) {
            unlink(name);
        }
        free(name);
    }
    if (spool->fd < 0) {
        return err_set(reterr, ERR_SYSTEM, spool->folder, "no room for a trace here: %s",
                       strerror(errno));
    }
    return ERR_NONE;
}

static enum err_code write_all(struct trace_spool *spool, const uint8_t *bytes, size_t len,
                               struct err *reterr)
{
    size_t done = 0;
    while (done < len) {
        ssize_t wrote = pwrite(spool->fd, bytes + done, len - done, (off_t)(spool->bytes + done));
        if (wrote <= 0) {
            if (wrote < 0 && errno == EINTR) {
                continue;
            }
            return err_set(reterr, ERR_SYSTEM, spool->folder, "the trace cannot be written: %s",
                           strerror(errno));
        }
        done += (size_t)wrote;
    }
    return ERR_NONE;
}

static enum err_code flush(struct trace_spool *spool, struct err *reterr)
{
    if (spool->pending_count == 0) {
        return ERR_NONE;
    }
    enum err_code code = spool->fd < 0 ? open_spool(spool, reterr) : ERR_NONE;
    if (code != ERR_NONE) {
        return code;
    }
    uint8_t *bytes = NULL;
    size_t len = 0;
    trace_pack(spool->pending, spool->pending_count, &bytes, &len);
    code = write_all(spool, bytes, len, reterr);
    free(bytes);
    if (code == ERR_NONE) {
        *MEM_PUSH(&spool->chunks) = (struct chunk){spool->bytes, len, spool->pending_count};
        spool->bytes += len;
        spool->pending_count = 0;
    }
    return code;
}

enum err_code trace_spool_add(struct trace_spool *spool, const struct heap_event *events,
                              size_t count, struct err *reterr)
{
    while (count > 0) {
        size_t room = TRACE_CHUNK_EVENTS - spool->pending_count;
        size_t take = count < room ? count : room;
        memcpy(spool->pending + spool->pending_count, events, take * EVENT_BYTES);
        spool->pending_count += take;
        events += take;
        count -= take;
        if (spool->pending_count == TRACE_CHUNK_EVENTS) {
            enum err_code code = flush(spool, reterr);
            if (code != ERR_NONE) {
                return code;
            }
        }
    }
    return ERR_NONE;
}

uint64_t trace_spool_bytes(const struct trace_spool *spool)
{
    return spool->bytes;
}

static enum err_code save_chunk(const struct trace_spool *spool, const struct sql *sql,
                                sqlite3_stmt *statement, size_t seq, struct err *reterr)
{
    const struct chunk *chunk = &spool->chunks.at[seq];
    uint8_t *bytes = mem_zero(chunk->bytes, 1);
    size_t done = 0;
    while (done < chunk->bytes) {
        ssize_t got =
            pread(spool->fd, bytes + done, chunk->bytes - done, (off_t)(chunk->at + done));
        if (got <= 0) {
            free(bytes);
            return err_set(reterr, ERR_SYSTEM, spool->folder, "the trace cannot be read back: %s",
                           got < 0 ? strerror(errno) : "cut short");
        }
        done += (size_t)got;
    }
    sqlite3_bind_int64(statement, 1, (int64_t)seq);
    sqlite3_bind_int64(statement, 2, (int64_t)chunk->events);
    sqlite3_bind_int64(statement, 3, (int64_t)(chunk->events * EVENT_BYTES));
    sqlite3_bind_blob64(statement, 4, bytes, chunk->bytes, free);
    bool has_row = false;
    enum err_code code = sql_step(sql, statement, &has_row, reterr);
    sqlite3_reset(statement);
    return code;
}

enum err_code trace_spool_save(struct trace_spool *spool, const struct sql *sql, struct err *reterr)
{
    sqlite3_stmt *statement = NULL;
    enum err_code code = flush(spool, reterr);
    if (code == ERR_NONE) {
        code = sql_prepare(sql, "INSERT INTO trace_chunk VALUES(?,?,?,?)", &statement, reterr);
    }
    for (size_t seq = 0; seq < spool->chunks.count && code == ERR_NONE; seq++) {
        code = save_chunk(spool, sql, statement, seq, reterr);
    }
    sqlite3_finalize(statement);
    return code;
}

struct reading {
    const struct sql *sql;
    store_trace_visit visit;
    void *context;
    uint64_t paths; /* ids below these are known */
    uint64_t processes;
    struct heap_event *events; /* TRACE_CHUNK_EVENTS */
};

/* heap/ trusts its events: what it indexes with is checked here. A note's path is no path but what
 * the program said beside its name. */
static bool are_sound(const struct reading *reading, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct heap_event *event = &reading->events[i];
        bool has_path = (event->flags & SESSION_EVENT_NOTE) == 0;
        if ((has_path && event->path >= reading->paths) || event->process >= reading->processes ||
            event->call >= CALL_COUNT || event->latency >= LOGLIN_CODES) {
            return false;
        }
    }
    return true;
}

static enum err_code read_chunk(struct reading *reading, sqlite3_stmt *statement, int64_t seq,
                                struct err *reterr)
{
    int64_t count = sqlite3_column_int64(statement, 1);
    if (sqlite3_column_int64(statement, 0) != seq || count < 1 || count > TRACE_CHUNK_EVENTS ||
        sqlite3_column_int64(statement, 2) != count * EVENT_BYTES ||
        sqlite3_column_type(statement, 3) != SQLITE_BLOB) {
        return sql_damaged(reading->sql, reterr, "trace chunk %lld: impossible head",
                           (long long)seq);
    }
    const uint8_t *bytes = sqlite3_column_blob(statement, 3);
    size_t len = (size_t)sqlite3_column_bytes(statement, 3);
    if (!trace_unpack(bytes, len, (size_t)count, reading->events) ||
        !are_sound(reading, (size_t)count)) {
        return sql_damaged(reading->sql, reterr, "trace chunk %lld: its data are not events",
                           (long long)seq);
    }
    return reading->visit(reading->context, reading->events, (size_t)count, reterr);
}

/* A trace of a program that made no call is as empty as none at all. */
static enum err_code check_empty(const struct sql *sql, struct err *reterr)
{
    uint64_t calls = 0;
    enum err_code code =
        sql_number(sql, "SELECT coalesce(sum(calls), 0) FROM call_total", &calls, reterr);
    return code != ERR_NONE || calls == 0
               ? code
               : err_set(reterr, ERR_MISSING, sql->path,
                         "has no trace; record with --trace to keep every event");
}

static enum err_code read_all(struct reading *reading, sqlite3_stmt *statement, struct err *reterr)
{
    for (int64_t seq = 0;; seq++) {
        bool has_row = false;
        enum err_code code = sql_step(reading->sql, statement, &has_row, reterr);
        if (code != ERR_NONE) {
            return code;
        }
        if (!has_row) {
            return seq > 0 ? ERR_NONE : check_empty(reading->sql, reterr);
        }
        code = read_chunk(reading, statement, seq, reterr);
        if (code != ERR_NONE) {
            return code;
        }
    }
}

enum err_code trace_read(const struct sql *sql, store_trace_visit visit, void *context,
                         struct err *reterr)
{
    struct reading reading = {.sql = sql, .visit = visit, .context = context};
    sqlite3_stmt *statement = NULL;
    enum err_code code =
        sql_number(sql, "SELECT coalesce(max(id), 0) + 1 FROM path", &reading.paths, reterr);
    if (code == ERR_NONE) {
        code = sql_number(sql, "SELECT coalesce(max(id), 0) + 1 FROM process", &reading.processes,
                          reterr);
    }
    if (code == ERR_NONE) {
        code = sql_prepare(sql,
                           "SELECT seq, events, raw_bytes, data FROM trace_chunk NOT INDEXED "
                           "ORDER BY seq",
                           &statement, reterr);
    }
    if (code == ERR_NONE) {
        reading.events = mem_zero(TRACE_CHUNK_EVENTS, EVENT_BYTES);
        code = read_all(&reading, statement, reterr);
        free(reading.events);
    }
    sqlite3_finalize(statement);
    return code;
}
