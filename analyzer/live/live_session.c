#include "live/live_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

void *live_session_at(const struct live_session *session, uint64_t off, uint64_t bytes,
                      uint64_t align)
{
    if (off < sizeof(struct session_head) || off % align != 0 || off > session->limit_bytes ||
        bytes > session->limit_bytes - off) {
        return NULL;
    }
    return session->map + off;
}

static enum err_code check_head(const struct session_head *head, const char *name,
                                struct err *reterr)
{
    if (memcmp(head->magic, SESSION_MAGIC, sizeof head->magic) != 0) {
        return err_at(reterr, ERR_FORMAT, name, 0, "not a session file of alloctrap");
    }
    if (head->version != SESSION_VERSION) {
        return err_at(reterr, ERR_FORMAT, name, (int64_t)offsetof(struct session_head, version),
                      "session version %u, this alloctrap knows %d: use the library and the "
                      "program of one installation",
                      head->version, SESSION_VERSION);
    }
    if (head->call_count > CALL_COUNT) {
        return err_at(reterr, ERR_FORMAT, name, (int64_t)offsetof(struct session_head, call_count),
                      "it counts %u functions, this alloctrap knows %d: use the library and the "
                      "program of one installation",
                      head->call_count, (int)CALL_COUNT);
    }
    return ERR_NONE;
}

static enum live_session_found map_file(struct live_session *session, int fd, struct err *reterr)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        err_set(reterr, ERR_FORMAT, session->name, "not a plain file");
        return LIVE_SESSION_BAD;
    }
    if ((uint64_t)status.st_size < sizeof(struct session_head)) {
        err_set(reterr, ERR_FORMAT, session->name, "cut short: %lld bytes, its head has %zu",
                (long long)status.st_size, sizeof(struct session_head));
        return LIVE_SESSION_RETRY;
    }
    uint64_t bytes = (uint64_t)status.st_size;
    session->limit_bytes = bytes < SESSION_MAP_BYTES ? bytes : SESSION_MAP_BYTES;
    int protection = session->is_writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *at = mmap(NULL, session->limit_bytes, protection, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        err_set(reterr, ERR_SYSTEM, session->name, "cannot map it: %s", strerror(errno));
        return LIVE_SESSION_BAD;
    }
    session->map = at;
    session->head = at;
    return LIVE_SESSION_OPEN;
}

/* Acquire; pairs with the shim's release of READY: all of the head is set. */
static enum live_session_found check_state(const struct live_session *session, bool is_any_state,
                                           struct err *reterr)
{
    if (atomic_load_explicit(&session->head->state, memory_order_acquire) == SESSION_SETTING_UP &&
        !is_any_state) {
        err_set(reterr, ERR_FORMAT, session->name, "its process never finished setting it up");
        return LIVE_SESSION_RETRY;
    }
    return check_head(session->head, session->name, reterr) == ERR_NONE ? LIVE_SESSION_OPEN
                                                                        : LIVE_SESSION_BAD;
}

/* The directory has not been removed under us, with all that was in it. */
static bool is_there(int dir_fd)
{
    struct stat status;
    return fstat(dir_fd, &status) == 0 && status.st_nlink > 0;
}

enum live_session_found live_session_open(int dir_fd, const char *name, bool is_writable,
                                          bool is_any_state, struct live_session **ret,
                                          struct err *reterr)
{
    int fd = openat(dir_fd, name,
                    (is_writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        int error = errno;
        bool is_withdrawn = error == ENOENT && is_there(dir_fd);
        err_set(reterr, ERR_MISSING, name, "cannot open it: %s", strerror(error));
        return is_withdrawn ? LIVE_SESSION_WITHDRAWN : LIVE_SESSION_BAD;
    }
    struct live_session *session = mem_zero(1, sizeof *session);
    session->pid_fd = -1;
    session->is_writable = is_writable;
    snprintf(session->name, sizeof session->name, "%s", name);
    enum live_session_found found = map_file(session, fd, reterr);
    close(fd);
    if (found == LIVE_SESSION_OPEN) {
        found = check_state(session, is_any_state, reterr);
    }
    if (found != LIVE_SESSION_OPEN) {
        live_session_close(session);
        return found;
    }
    session->pid = session->head->pid;
    session->id = session->head->id;
    session->rings = mem_zero(SESSION_THREADS_MAX, sizeof *session->rings);
    *ret = session;
    return LIVE_SESSION_OPEN;
}

void live_session_close(struct live_session *session)
{
    if (session == NULL) {
        return;
    }
    if (session->map != NULL) {
        munmap(session->map, session->limit_bytes);
    }
    if (session->pid_fd >= 0) {
        close(session->pid_fd);
    }
    free(session->rings);
    free(session->path_of_node);
    free(session);
}

static void find_ring(struct live_ring *ring)
{
    /* Acquire; pairs with the shim's release of ring_off: ring_events is set before it. */
    uint64_t off = atomic_load_explicit(&ring->place->ring_off, memory_order_acquire);
    if (off == 0) {
        return;
    }
    uint32_t count = atomic_load_explicit(&ring->place->ring_events, memory_order_relaxed);
    bool is_power = count != 0 && (count & (count - 1)) == 0;
    ring->events = live_session_at(ring->session, off, (uint64_t)count * sizeof *ring->events,
                                   alignof(struct session_event));
    if (!is_power || ring->events == NULL) {
        ring->events = NULL;
        ring->is_bad = true;
        return;
    }
    ring->mask = count - 1;
    ring->head = atomic_load_explicit(&ring->place->ring_head, memory_order_relaxed);
    ring->tail = ring->head;
    ring->tid = atomic_load_explicit(&ring->place->tid, memory_order_relaxed);
}

/* A tail that claims more than the ring holds is not followed. */
static void read_tail(struct live_ring *ring)
{
    /* Acquire; pairs with ring_push()'s release: no tail is seen before the events under it. */
    uint64_t tail = atomic_load_explicit(&ring->place->ring_tail, memory_order_acquire);
    if (tail - ring->head > ring->mask + 1) {
        ring->is_bad = true;
        tail = ring->head;
    }
    ring->arrived = tail - ring->tail;
    ring->tail = tail;
}

static void find_places(struct live_session *session)
{
    /* Acquire; pairs with the shim's release: offsets below the count are set. */
    uint32_t count = atomic_load_explicit(&session->head->thread_count, memory_order_acquire);
    count = count < SESSION_THREADS_MAX ? count : SESSION_THREADS_MAX;
    for (; session->ring_count < count; session->ring_count++) {
        uint32_t slot = session->ring_count;
        uint64_t off = atomic_load_explicit(&session->head->thread_off[slot], memory_order_acquire);
        struct live_ring *ring = &session->rings[slot];
        ring->session = session;
        ring->slot = slot;
        ring->place = live_session_at(session, off, sizeof *ring->place, SESSION_LINE);
        ring->is_bad = ring->place == NULL;
    }
}

void live_session_refresh(struct live_session *session)
{
    find_places(session);
    for (uint32_t i = 0; i < session->ring_count; i++) {
        struct live_ring *ring = &session->rings[i];
        if (ring->is_bad) {
            continue;
        }
        if (ring->events == NULL) {
            find_ring(ring);
        }
        if (ring->events != NULL) {
            read_tail(ring);
        }
    }
}

/* Rows of honest threads never share memory, so all of them fit in the file: *budget bytes are left
 * to visit. It keeps a file with a thousand threads over the same rows from taking for ever. */
static void visit_rows(const struct live_session *session, const struct session_thread *place,
                       uint64_t *budget, live_session_row visit, void *context)
{
    /* Acquire; pairs with site_add()'s release: chunks and names of the rows below it are set. */
    uint32_t left = atomic_load_explicit(&place->row_count, memory_order_acquire);
    for (unsigned k = 0; k < SESSION_ROW_CHUNKS && left > 0; k++) {
        uint32_t room = (uint32_t)SESSION_ROW_CHUNK_FIRST << k;
        uint32_t count = left < room ? left : room;
        uint64_t bytes = (uint64_t)count * sizeof(struct session_row);
        uint64_t off = atomic_load_explicit(&place->row_chunk_off[k], memory_order_relaxed);
        const struct session_row *rows = live_session_at(session, off, bytes, SESSION_LINE);
        if (rows == NULL || bytes > *budget) {
            return;
        }
        *budget -= bytes;
        left -= count;
        for (uint32_t i = 0; i < count; i++) {
            visit(context, &rows[i]);
        }
    }
}

void live_session_rows(const struct live_session *session, live_session_row visit, void *context)
{
    uint64_t budget = session->limit_bytes;
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        visit(context, &session->head->early[call]);
    }
    for (uint32_t i = 0; i < session->ring_count; i++) {
        const struct session_thread *place = session->rings[i].place;
        if (place == NULL) {
            continue;
        }
        for (unsigned call = 0; call < CALL_COUNT; call++) {
            visit(context, &place->rest[call]);
        }
        visit_rows(session, place, &budget, visit, context);
    }
}

void live_session_lost(const struct live_session *session, uint64_t ret_lost[LOSS_COUNT])
{
    for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
        ret_lost[cause] = atomic_load_explicit(&session->head->lost[cause], memory_order_relaxed);
    }
    for (uint32_t i = 0; i < session->ring_count; i++) {
        const struct session_thread *place = session->rings[i].place;
        for (unsigned cause = 0; place != NULL && cause < LOSS_COUNT; cause++) {
            ret_lost[cause] += atomic_load_explicit(&place->lost[cause], memory_order_relaxed);
        }
    }
}

void live_session_command(const struct live_session *session, char *out, size_t out_bytes)
{
    size_t len = session->head->command_len;
    len = len < SESSION_COMMAND_BYTES ? len : SESSION_COMMAND_BYTES;
    len = len < out_bytes ? len : out_bytes - 1;
    memcpy(out, session->head->command, len);
    while (len > 0 && out[len - 1] == '\0') {
        len -= 1;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = out[i] == '\0' ? 0x1f : out[i];
    }
    out[len] = '\0';
}

static void punch(int fd, uint64_t off, uint64_t end)
{
    if (off < end) {
        (void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
                         (off_t)(end - off));
    }
}

void live_session_shrink(const struct live_session *session, int dir_fd)
{
    int fd = openat(dir_fd, session->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    for (uint32_t i = 0; i < session->ring_count; i++) {
        const struct live_ring *ring = &session->rings[i];
        if (ring->events != NULL) {
            uint64_t off = (uint64_t)((const uint8_t *)ring->events - session->map);
            punch(fd, off, off + (ring->mask + 1) * sizeof *ring->events);
        }
    }
    const struct session_head *head = session->head;
    uint64_t used = atomic_load_explicit(&head->used_bytes, memory_order_relaxed);
    punch(fd, used, head->module_off < session->limit_bytes ? head->module_off : used);
    close(fd);
}
