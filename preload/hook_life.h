/*
 * hook_life - a process's recording: started at the first call, again in a fork's child, ended.
 * Owner:   the process.   Threads: one starts (compare-and-swap), the others pass on and count
 *          early until it has.   Signals: as hook_guard.
 * Memory:  one page, and a scratch per thread.   Errno: may be changed; hooks keep the host's.
 *
 * The state lies in a page that a fork's child finds zeroed (MADV_WIPEONFORK), so a child is known
 * at its first hook by one compare, without a pid: a pid tells neither a vfork child, which shares
 * our memory and goes on as its parent, nor a clone() in another namespace.
 *
 * With follow off, a fork's child disarms, and a program started by exec disarms when the session
 * directory holds a session of another pid: the first process always has made its own by then.
 * The host's environment is left alone.
 */
#ifndef ALLOCTRAP_HOOK_LIFE_H
#define ALLOCTRAP_HOOK_LIFE_H

#include "alloctrap/session.h"
#include "base_local.h"
#include "hook_cause.h"
#include "hook_guard.h"
#include "ring_spsc.h"
#include "site_count.h"

struct life_page {
    _Atomic uint32_t state;      /* enum life_state */
    _Atomic uint32_t generation; /* of the session; 0 while there is none */
};
LOCAL extern struct life_page *life_page_now;

/* A thread's own memory, taken over with its place. */
struct hook_scratch {
    struct session_head *head;
    struct session_thread *place;
    struct ring ring;
    struct site_table sites;
    uint32_t epoch; /* of the stacks that stack_state may join */
    struct stack_state *stack;
    struct stack_mend *last_walk; /* of it */
    struct stack_at at;           /* the call whose stack is walked */
    struct hook_cause cause;
};

/* Settings that hooks ask for at each call; constant while a session lasts. */
struct life_config {
    bool is_latency_on;
    bool are_free_stacks_on;
    bool are_causes_on;
};
LOCAL extern struct life_config life_config;

enum hook_way {
    HOOK_PASS,   /* forward, no more */
    HOOK_RECORD, /* this thread has its place */
    HOOK_EARLY,  /* guarded, but no place: counted in the process's early rows */
    HOOK_NESTED  /* a handler's call inside our bookkeeping: counted in the remainder */
};

/* HOT. The thread's scratch is of the session that the process is in. */
static inline bool life_is_current(void)
{
    return hook_tls.generation ==
           atomic_load_explicit(&life_page_now->generation, memory_order_relaxed);
}

/* HOT. Disarmed for good. */
bool life_is_off(void);
/* COLD. Under the guard: starts the process or the thread. is_after_jump: a jump has left the last
 * hook of this thread; what it left half done is forgotten or taken up again. *ret_cause: why
 * HOOK_EARLY. */
enum hook_way life_enter(bool is_after_jump, enum session_loss *ret_cause);
/* HOT. Stops recording in this process for good. */
void life_disarm(void);
/* HOT. Counts a call that has no place: `events` of it were lost by `cause`. */
void life_count_early(unsigned call, const struct site_sum *sum, enum session_loss cause,
                      uint64_t events);
/* COLD. Before a fork: the recorder shall not close our session on the child. */
void life_fork(void);
/* COLD. After it, in the parent: there is no child. */
void life_fork_failed(void);
/* COLD. In the child, which may have been forked in the middle of a hook. */
void life_forked(void);
/* COLD. Makes sure that the process is started; the session, NULL when there is none. */
struct session_head *life_session(void);

#endif
