/*
 * heap_process - one process as the heap sees it: its address space, its threads, its totals.
 * Owner: the heap. Threads: one at a time. All zero is a process not seen yet.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_PROCESS_H
#define ALLOCTRAP_HEAP_HEAP_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "heap/heap_blocks.h"
#include "heap/heap_late.h"
#include "heap/profile.h"

enum { HEAP_THREAD_SLOT_MASK = (1 << 12) - 1 };

/* A thread's latest doings: what temporaries and growth chains are told by. */
struct heap_thread {
    uint32_t id; /* slot | generation << 12 */
    bool has_last;
    bool may_inherit;              /* the latest allocation has not taken a chain over yet */
    bool is_in_realloc;            /* an OLD half was seen, its new half comes next */
    uint32_t old_chain;            /* in realloc: of the block that ended */
    struct heap_block *last_block; /* of the latest allocation; NULL = it was not live at once */
    uint64_t last_birth;
    uint64_t last_addr;
    uint64_t last_bytes;
    uint64_t old_bytes; /* in realloc: size of the block that ended; 0 = was not known */
    uint64_t old_addr;
    uint32_t old_site;
    uint64_t frees_in_a_row; /* since its latest allocation */
    uint64_t row_birth;      /* the process's allocations when the first of them came */
};

struct heap_process {
    bool is_begun;
    struct heap_blocks blocks;
    struct heap_late late;
    MEM_ARRAY(struct heap_thread) threads; /* by slot */
    uint64_t births;                       /* allocations so far: the next one's number */
    struct profile_totals totals;
    uint64_t calls;
    uint64_t ended_bytes; /* live when the address space was dropped */
    uint64_t ended_blocks;
    uint64_t rss_bytes; /* of the last sample */
    uint64_t faults;
};

/* Makes the address space; once, before anything else. */
void heap_process_begin(struct heap_process *process);

/* What heap_process_thread() does for a thread that is new. */
struct heap_thread *heap_process_new_thread(struct heap_process *process, uint32_t thread);

/* The state of the latest owner of a thread's slot, itself or another; NULL: no room was made for
 * the slot yet. */
static inline struct heap_thread *heap_process_owner(const struct heap_process *process,
                                                     uint32_t thread)
{
    uint32_t slot = thread & HEAP_THREAD_SLOT_MASK;
    return slot < process->threads.count ? &process->threads.at[slot] : NULL;
}

/* The state of a thread as it is; NULL when its slot has another owner by now. */
static inline struct heap_thread *heap_process_known_thread(const struct heap_process *process,
                                                            uint32_t thread)
{
    struct heap_thread *owner = heap_process_owner(process, thread);
    return owner != NULL && owner->id == thread ? owner : NULL;
}

/* HOT. The state of a thread; a new owner of its slot starts afresh. */
static inline struct heap_thread *heap_process_thread(struct heap_process *process, uint32_t thread)
{
    struct heap_thread *known = heap_process_known_thread(process, thread);
    return known != NULL ? known : heap_process_new_thread(process, thread);
}

/* A block began to live, or no longer does. */
static inline void heap_process_live_more(struct heap_process *process, uint64_t bytes,
                                          uint64_t time_ns)
{
    struct profile_totals *t = &process->totals;
    t->live_bytes += bytes;
    t->live_blocks += 1;
    if (t->live_bytes > t->peak_bytes) {
        t->peak_bytes = t->live_bytes;
        t->peak_blocks = t->live_blocks;
        t->peak_at_ns = time_ns;
    }
}

static inline void heap_process_live_less(struct heap_process *process, uint64_t bytes)
{
    process->totals.live_bytes -= bytes;
    process->totals.live_blocks -= 1;
}

/* Its totals as of now, as the profile wants them. */
struct profile_totals heap_process_totals(const struct heap_process *process);

void heap_process_finish(struct heap_process *process);

#endif
