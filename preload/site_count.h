/*
 * site_count - one thread's exact counters: a row for each call path and function, found by hash.
 * Owner:   the thread whose place it is; the recorder reads rows at any time.
 * Threads: one writer.   Signals: hook_guard turns nested hooks away; the remainder's rows are
 *          added to atomically, so that those may.
 * Memory:  the session's; an index that is outgrown is left behind.   Errno: never touched.
 */
#ifndef ALLOCTRAP_SITE_COUNT_H
#define ALLOCTRAP_SITE_COUNT_H

#include "alloctrap/session.h"

#include <stddef.h>

/* One slot of the index. Lines are offsets / SESSION_LINE. */
struct site_entry {
    uint64_t key; /* 0 = free */
    uint32_t row_line;
    uint32_t path;
};

struct site_table {
    struct session_head *head;
    struct session_thread *place;
    struct site_entry *index; /* as `place` has it; of one free slot before the first row */
    uint64_t mask;
    uint64_t used;
};

/* What one call adds. */
struct site_sum {
    uint64_t allocs;
    uint64_t frees;
    uint64_t failed;
    uint64_t bytes;
    uint64_t ns;
};

/* COLD. Takes up a place: as new, as its last owner left it, or as a jump out of site_add() did. */
void site_init(struct site_table *table, struct session_head *head, struct session_thread *place);
/* PURE. Where a key is, or would be put, in an index that is never full. */
static inline struct site_entry *site_slot(struct site_entry *index, uint64_t mask, uint64_t key)
{
    uint64_t at = key ^ key >> 32;
    while (index[at & mask].key != 0 && index[at & mask].key != key) {
        at++;
    }
    return &index[at & mask];
}

/* HOT. NULL when this stack and function were not met before. */
static inline struct site_entry *site_find(const struct site_table *table, uint64_t key)
{
    struct site_entry *slot = site_slot(table->index, table->mask, key);
    return slot->key == key ? slot : NULL;
}

/* COLD. A new row; NULL when there is no room. key must not be in the table, nor be 0. */
struct site_entry *site_add(struct site_table *table, uint64_t key, uint32_t path, unsigned call);
/* HOT. Relaxed load and store: one writer, no lock prefix; the recorder sums what it sees. */
__attribute__((always_inline)) static inline void site_add_to(_Atomic uint64_t *counter,
                                                              uint64_t count)
{
#if defined(__x86_64__)
    /* One instruction: gcc makes three of it, as it does with every atomic load and store. */
    __asm__ volatile("addq %1, %0" : "+m"(*counter) : "er"(count));
#else
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + count,
                          memory_order_relaxed);
#endif
}

__attribute__((always_inline)) static inline void site_add_known(_Atomic uint64_t *counter,
                                                                 uint64_t count)
{
    if (!__builtin_constant_p(count) || count != 0) {
        site_add_to(counter, count);
    }
}

/* HOT. By the owner. In place: what of a sum is 0 there costs nothing. */
__attribute__((always_inline)) static inline void site_count(struct session_row *row,
                                                             const struct site_sum *sum)
{
    site_add_to(&row->calls, 1);
    site_add_known(&row->allocs, sum->allocs);
    site_add_known(&row->frees, sum->frees);
    site_add_known(&row->failed, sum->failed);
    site_add_known(&row->bytes, sum->bytes);
    site_add_to(&row->ns, sum->ns);
    if (sum->ns > atomic_load_explicit(&row->ns_max, memory_order_relaxed)) {
        atomic_store_explicit(&row->ns_max, sum->ns, memory_order_relaxed);
    }
}
/* HOT. By anyone, handlers included. */
void site_count_shared(struct session_row *row, const struct site_sum *sum);

/* HOT. */
static inline struct session_row *site_row(struct site_table *table, const struct site_entry *entry)
{
    return (struct session_row *)((char *)table->head + (uint64_t)entry->row_line * SESSION_LINE);
}

#endif
