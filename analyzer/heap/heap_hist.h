/*
 * heap_hist - a histogram that is added to millions of times a second: sparse like struct hist
 * while young, then direct counters in groups of 64 codes. Read it out as a struct hist.
 * Owner: whoever holds the struct; all zero is empty. Threads: one at a time.
 * Memory: at most HEAP_HIST_DENSE_BYTES in direct counters, all histograms together; beyond it new
 * ones stay sparse: slower, as exact.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_HIST_H
#define ALLOCTRAP_HEAP_HEAP_HIST_H

#include <stddef.h>
#include <stdint.h>

#include "alloctrap/loglin.h"
#include "heap/hist.h"

enum {
    HEAP_HIST_GROUPS = LOGLIN_CODES / LOGLIN_STEPS,
    HEAP_HIST_DENSE_AT = 512, /* values seen before direct counters pay for their memory */
    HEAP_HIST_DENSE_BYTES = 128 << 20
};

struct heap_hist_group {
    uint64_t counts[LOGLIN_STEPS];
};

struct heap_hist {
    struct heap_hist_group **groups; /* HEAP_HIST_GROUPS, each NULL until its first code */
    struct hist sparse;
};

/* What the dense histograms of one heap may still take. */
struct heap_hist_budget {
    size_t bytes_used;
};

/* What heap_hist_add() does when its fast way is not open. */
void heap_hist_add_slowly(struct heap_hist *hist, uint16_t code, struct heap_hist_budget *budget);

/* HOT. code is below LOGLIN_CODES. */
static inline void heap_hist_add(struct heap_hist *hist, uint16_t code,
                                 struct heap_hist_budget *budget)
{
    if (hist->groups != NULL && hist->groups[code / LOGLIN_STEPS] != NULL) {
        hist->groups[code / LOGLIN_STEPS]->counts[code % LOGLIN_STEPS] += 1;
        return;
    }
    heap_hist_add_slowly(hist, code, budget);
}

/* Makes *ret (a live struct hist) equal to what was added. */
void heap_hist_read(const struct heap_hist *hist, struct hist *ret);

/* Adds it to *into. */
void heap_hist_merge(const struct heap_hist *hist, struct hist *into);

void heap_hist_finish(struct heap_hist *hist);

#endif
