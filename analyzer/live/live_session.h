/*
 * live_session - one process's session file as the recorder sees it: hostile until checked.
 * Each offset and count is checked against the file's real size before it is used; what fails is
 * left out, never followed.
 * Owner:   the recorder.   Threads: one; the host writes at the same time.
 * Memory:  one mapping, writable for ring_head alone (read-only for a look at a dead session).
 * Units:   ns of CLOCK_MONOTONIC, bytes.
 */
#ifndef ALLOCTRAP_LIVE_SESSION_H
#define ALLOCTRAP_LIVE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alloctrap/session.h"
#include "base/err.h"
#include "heap/profile.h"

enum { LIVE_SESSION_NAME_BYTES = 64 };

struct live_session;

/* A thread's ring: a cursor of ours over the host's memory. */
struct live_ring {
    struct live_session *session;
    struct session_thread *place;
    const struct session_event *events; /* NULL: no ring yet */
    uint64_t mask;
    uint64_t head;    /* next to read; private, what the host writes there is never believed */
    uint64_t tail;    /* as last seen */
    uint64_t arrived; /* events that this look saw, and the one before did not */
    uint32_t slot;
    uint32_t tid;
    uint32_t generation;
    bool is_bad; /* checked and found damaged: never looked at again */
};

struct live_session {
    char name[LIVE_SESSION_NAME_BYTES];
    uint32_t pid;        /* as it calls itself */
    uint32_t seen_pid;   /* as we see it; 0 = not at all */
    bool is_used_beside; /* by forked children without a session, as far as we know */
    uint64_t looked_ns;  /* when that was last looked at */
    uint64_t id;
    uint8_t *map;
    uint64_t limit_bytes;
    struct session_head *head;
    bool is_writable;
    bool has_ended;
    int pid_fd;              /* -1: none */
    uint32_t process;        /* index into profile->processes */
    struct live_ring *rings; /* one for each place seen, never moved */
    uint32_t ring_count;
    uint32_t *path_of_node; /* profile path + 1; 0 = not translated yet */
    uint32_t path_room;
    uint32_t module_of[SESSION_MODULES_MAX]; /* profile module + 1; 0 = not translated yet */
    uint32_t note_of[SESSION_NOTES_MAX];     /* profile note + 1; 0 = not translated yet */
    uint64_t events_seen;
    uint64_t last_ns; /* of the last event read, since the recording's start */
};

/* What opening found. RETRY: not READY yet, come again. WITHDRAWN: its process has taken it back,
 * and counts in its parent's. */
enum live_session_found {
    LIVE_SESSION_OPEN,
    LIVE_SESSION_RETRY,
    LIVE_SESSION_BAD,
    LIVE_SESSION_WITHDRAWN
};

/* Opens NAME in the directory dir_fd. BAD fills reterr. Setting up: is_any_state takes it as it is
 * (its host is dead). */
enum live_session_found live_session_open(int dir_fd, const char *name, bool is_writable,
                                          bool is_any_state, struct live_session **ret,
                                          struct err *reterr);
void live_session_close(struct live_session *session);

/* bytes at off, aligned, or NULL when they are not inside the file. */
void *live_session_at(const struct live_session *session, uint64_t off, uint64_t bytes,
                      uint64_t align);

/* Takes in places and rings that are new since the last call, and reads all tails. */
void live_session_refresh(struct live_session *session);

/* Calls visit for each row of exact counters (rest and early included). */
typedef void (*live_session_row)(void *context, const struct session_row *row);
void live_session_rows(const struct live_session *session, live_session_row visit, void *context);

/* What was not recorded, by cause, all threads together. */
void live_session_lost(const struct live_session *session, uint64_t ret_lost[LOSS_COUNT]);

/* The command's arguments joined by US (0x1f) into out, NUL-terminated. */
void live_session_command(const struct live_session *session, char *out, size_t out_bytes);

/* Gives the disk back what an ended and read session needs no more: rings and spare space. */
void live_session_shrink(const struct live_session *session, int dir_fd);

#endif
