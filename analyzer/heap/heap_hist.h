/*
 * heap_hist - a histogram that is added to millions of times a second: direct counters for the
 * codes that come often, a sparse struct hist for the rest. Read it out as a struct hist.
 *
 * The counters are one window of neighbouring codes. A code outside of it is counted sparsely, and
 * once such values have been seen often enough to pay for the memory, the window grows to the
 * latest of them: a far outlier does not make it wide, a new habit of the program does.
 *
 * Owner: whoever holds the struct; all zero is empty. Threads: one at a time.
 * Memory: at most HEAP_HIST_COUNTER_BYTES in counters, all histograms together; beyond it windows
 * stay as they are: slower, as exact.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_HIST_H
#define ALLOCTRAP_HEAP_HEAP_HIST_H

#include <stddef.h>
#include <stdint.h>

#include "alloctrap/loglin.h"
#include "heap/hist.h"

enum {
    HEAP_HIST_STEP = 16, /* codes that a window grows by: a cache line of counters */
    HEAP_HIST_COUNTER_BYTES = 128 << 20
};

struct heap_hist {
    uint32_t *counts; /* of code_count codes from first_code on */
    uint16_t first_code;
    uint16_t code_count;
    uint32_t outside; /* values that found no counter since the window last grew */
    struct hist rest; /* what is not in counts */
};

/* What the counters of one heap take so far. */
struct heap_hist_budget {
    size_t bytes_used;
};

/* What heap_hist_add() does where there is no counter, or when one has run over. */
void heap_hist_add_slowly(struct heap_hist *hist, uint16_t code, struct heap_hist_budget *budget);

/* HOT. code is below LOGLIN_CODES. */
static inline void heap_hist_add(struct heap_hist *hist, uint16_t code,
                                 struct heap_hist_budget *budget)
{
    unsigned at = (unsigned)code - hist->first_code;
    if (at >= hist->code_count || ++hist->counts[at] == 0) {
        heap_hist_add_slowly(hist, code, budget);
    }
}

/* Makes *ret (a live struct hist) equal to what was added. */
void heap_hist_read(const struct heap_hist *hist, struct hist *ret);

/* Adds it to *into. */
void heap_hist_merge(const struct heap_hist *hist, struct hist *into);

void heap_hist_finish(struct heap_hist *hist);

#endif
