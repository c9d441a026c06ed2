/*
 * store - profile <-> recording: one SQLite file (schema: docs/recording-format.md).
 */
#ifndef ALLOCTRAP_STORE_STORE_H
#define ALLOCTRAP_STORE_STORE_H

#include "base/err.h"
#include "heap/heap.h"
#include "heap/profile.h"

enum { STORE_VERSION = 1, STORE_APPLICATION_ID = 0x41545250 /* "ATRP" */ };

struct store;

/* Makes path (0600, refusing to follow a link; an existing recording is replaced, any other
 * existing file is an error). The file is valid from the first store_save() on. */
ERR_CHECKED enum err_code store_create(const char *path, struct store **ret, struct err *reterr);

/* Writes the whole profile and what was traced into a new file and renames that over the old one:
 * checkpoint and end. With a long trace (64 MiB and more) a checkpoint is left out while the last
 * one took more than a tenth of the time since; the end (run.is_complete) never is. */
ERR_CHECKED enum err_code store_save(struct store *store, const struct profile *profile,
                                     struct err *reterr);

/* --trace: events in the order the heap saw them; kept in zstd chunks. */
ERR_CHECKED enum err_code store_trace(struct store *store, const struct heap_event *events,
                                      size_t count, struct err *reterr);

/* Closes the file; a NULL store is fine. */
ERR_CHECKED enum err_code store_close(struct store *store, struct err *reterr);

/* Reads a recording into a new, sealed profile. Load it before reading its trace: only then are the
 * ids in the trace known to fit. Not ours, newer, cut or damaged: one line that says
 * which. Every id, length and enumeration is checked; hostile files cannot harm. */
ERR_CHECKED enum err_code store_load(const char *path, struct profile **ret, struct err *reterr);

/* Calls visit for every chunk of a trace, in order; ERR_MISSING when the recording has none. */
typedef enum err_code (*store_trace_visit)(void *context, const struct heap_event *events,
                                           size_t count, struct err *reterr);
ERR_CHECKED enum err_code store_trace_each(const char *path, store_trace_visit visit, void *context,
                                           struct err *reterr);

/* What the trace of a recording holds; all 0 without one. */
struct store_trace_size {
    uint64_t events;
    uint64_t bytes; /* compressed, in the file */
};
ERR_CHECKED enum err_code store_trace_size(const char *path, struct store_trace_size *ret,
                                           struct err *reterr);

#endif
