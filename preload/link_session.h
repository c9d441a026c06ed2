/*
 * link_session - this process's session file: joined, made, grown.
 * Owner:   the process. One control mapping for its life, one session mapping at a time (a fork's
 *          child makes its own and lets the parent's go).
 * Threads: link_join, link_make and link_drop by whoever starts the process (hook_life); the rest
 *          by all.   Signals: space is handed out by one atomic counter, nothing is held.
 * Memory:  the mappings.   Descriptors: at the start of a process, opened, used and closed within
 *          one call. Growth needs neither one nor a path (before Linux 5.14 it does): another
 *          thread may close or reuse any number, hosts change their root, user and limits.
 * Errno:   never touched.   Units: offsets and sizes in bytes from the file's start.
 */
#ifndef ALLOCTRAP_LINK_SESSION_H
#define ALLOCTRAP_LINK_SESSION_H

#include "alloctrap/session.h"

#include <stddef.h>

struct link_session {
    _Atomic(struct session_head *) head; /* NULL before the first session */
    struct session_control *control;     /* NULL before link_join */
};
extern struct link_session link_now;

/* Why there is no session: parts of a say_not_recording() line. */
struct link_error {
    const char *why;
    const char *advice;
};

/* COLD. Maps DIR's control file after checking it. */
bool link_join(const char *dir, struct link_error *reterr);
/* COLD. The directory joined, absolute. */
const char *link_dir(void);
/* COLD. True when the directory holds a session of another process. */
bool link_has_others(void);
/* COLD. Makes the process's session file, SETTING_UP, with the head filled but for what only the
 * caller knows (command, allocator); NULL on failure. parent: the forking process's, or NULL. */
struct session_head *link_make(const struct session_head *parent, struct link_error *reterr);
/* COLD. From now on hooks see this session. Release; pairs with the acquire in link_head(). */
void link_publish(struct session_head *head);
/* COLD. In a fork's child whose handler came in the middle of a hook: what that hook still writes
 * stays the child's own, and the parent's session is found by link_head() at another address. */
void link_part(struct session_head *head);
/* COLD. Unmaps a session that is used no longer. */
void link_drop(struct session_head *head);

/* COLD. 64-byte aligned, zeroed, backed space; 0 when the map or the disk is full. */
uint64_t link_alloc(struct session_head *head, uint64_t bytes);
/* COLD. Space that is not backed: link_touch() comes before its use; 0 when the map is full. */
uint64_t link_reserve(struct session_head *head, uint64_t bytes);
/* COLD. Backs a part of the file and takes its page faults; false when the disk is full. */
bool link_touch(struct session_head *head, uint64_t off, uint64_t bytes);
/* COLD. Backs what is reserved, and some more space for the time when nothing can be backed. */
void link_stock_up(struct session_head *head);
/* COLD. Entries that the module table has room for. */
uint32_t link_modules_max(const struct session_head *head);

/* HOT. */
static inline struct session_head *link_head(void)
{
    return atomic_load_explicit(&link_now.head, memory_order_acquire);
}

/* HOT. off must come from this session. */
static inline void *link_at(struct session_head *head, uint64_t off)
{
    return (char *)head + off;
}

/* HOT. Adds to a counter that handlers and other threads add to as well; nothing pairs with it. */
static inline void link_add(_Atomic uint64_t *counter, uint64_t count)
{
    atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

#endif
