/*
 * session_image - a host's session file made by hand, byte by byte as session.h says, for tests of
 * what reads one. A second opinion on the layout: no code of preload/ is in it.
 * Not for: growing; everything has room for a few of a kind, and asserts beyond that.
 * Owner: the test; session_image_destroy() frees it. Threads: one.
 */
#ifndef SESSION_IMAGE_H
#define SESSION_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "alloctrap/session.h"

enum {
    IMAGE_THREADS_MAX = 4,
    IMAGE_RING_EVENTS = 64,
    IMAGE_ROWS_MAX = SESSION_ROW_CHUNK_FIRST,
    IMAGE_MODULES_MAX = 4,
    IMAGE_NAME_BYTES = 64
};

struct session_image {
    uint8_t *bytes;
    size_t size_bytes;
    struct session_head *head;
    struct session_thread *threads[IMAGE_THREADS_MAX];
    struct session_event *rings[IMAGE_THREADS_MAX];
    struct session_row *rows[IMAGE_THREADS_MAX];
    struct session_node *nodes;
    struct session_module *modules;
    char name[IMAGE_NAME_BYTES]; /* "<pid>.<16 hex>.session" */
};

/* READY, of a process that began at start_ns, with one thread and no calls. */
struct session_image *session_image_create(uint32_t pid, uint64_t id, uint64_t start_ns);
void session_image_destroy(struct session_image *image);

/* One more thread, with a ring and rows; returns its slot. */
uint32_t session_image_thread(struct session_image *image, uint32_t tid);

/* A node under parent (0 = root); returns its id. */
uint32_t session_image_node(struct session_image *image, uint32_t parent, uint64_t addr);

void session_image_module(struct session_image *image, uint64_t start, uint64_t end, uint64_t bias,
                          const char *path);

/* An event as the shim would push it, latency 0. */
void session_image_event(struct session_image *image, uint32_t slot, uint64_t stamp_ns,
                         uint64_t addr, uint64_t size, unsigned call, unsigned flags,
                         uint32_t path);

/* A row; returns it, so that a test may set the rest. */
struct session_row *session_image_row(struct session_image *image, uint32_t slot, uint32_t path,
                                      unsigned call, uint64_t allocs, uint64_t frees,
                                      uint64_t bytes);

/* malloc(size) at stamp_ns: event and row. */
void session_image_malloc(struct session_image *image, uint32_t slot, uint64_t stamp_ns,
                          uint64_t addr, uint64_t size, uint32_t path);
/* free(addr) at stamp_ns: event and row. */
void session_image_free(struct session_image *image, uint32_t slot, uint64_t stamp_ns,
                        uint64_t addr, uint32_t path);

/* Writes it into a folder under its name, and a control file beside it. */
void session_image_write(const struct session_image *image, const char *dir);
void session_image_write_control(const char *dir, uint64_t base_ns);

/* A new folder in the current one; session_image_remove_dir() removes all that is in it. */
void session_image_make_dir(char dir[IMAGE_NAME_BYTES]);
void session_image_remove_dir(const char *dir);

#endif
