/*
 * trace - events in zstd chunks: packed, kept in a nameless file beside the recording while it
 * grows, written into the recording when it is saved, read back checked.
 *
 * A chunk holds up to TRACE_CHUNK_EVENTS events of 48 bytes (struct heap_event, little-endian).
 * Before compression time_ns becomes the difference to the event before (modulo 2^64), and the
 * bytes are transposed: first byte 0 of every event, then byte 1, ... Equal bytes stand together.
 */
#ifndef ALLOCTRAP_STORE_TRACE_H
#define ALLOCTRAP_STORE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "heap/heap.h"
#include "store/sql.h"
#include "store/store.h"

enum { TRACE_CHUNK_EVENTS = 65536 };

/* Packs 1 .. TRACE_CHUNK_EVENTS events; the caller frees *ret_bytes. */
void trace_pack(const struct heap_event *events, size_t count, uint8_t **ret_bytes,
                size_t *ret_len);

/* False unless bytes unpack to exactly count events. Never writes more than that. */
bool trace_unpack(const uint8_t *bytes, size_t len, size_t count, struct heap_event *ret_events);

/* Chunks on their way into a recording. folder must stay until trace_spool_open() is done. */
struct trace_spool;
struct trace_spool *trace_spool_create(const char *folder);
void trace_spool_destroy(struct trace_spool *spool);
ERR_CHECKED enum err_code trace_spool_add(struct trace_spool *spool,
                                          const struct heap_event *events, size_t count,
                                          struct err *reterr);

/* Compressed bytes held so far. */
uint64_t trace_spool_bytes(const struct trace_spool *spool);

/* Writes all events given so far into the table trace_chunk. */
ERR_CHECKED enum err_code trace_spool_save(struct trace_spool *spool, const struct sql *sql,
                                           struct err *reterr);

/* Hands every chunk of a recording to visit; ERR_MISSING when there is none. */
ERR_CHECKED enum err_code trace_read(const struct sql *sql, store_trace_visit visit, void *context,
                                     struct err *reterr);

#endif
