/*
 * heap_hist - a histogram that is added to millions of times a second. Read it out as a struct
 * hist.
 *
 * The first few codes are counted in the struct itself: a call site that is seldom called, or
 * always with one size, needs no other memory. When they do not do, the counters are one window of
 * neighbouring codes, and what falls outside of it is counted in a sparse struct hist, a few dozen
 * values at a time. Once such
 * values have been seen often enough to pay for the memory, the window grows to the latest of them:
 * a far outlier does not make it wide, a new habit of the program does.
 *
 * Owner: whoever holds the struct; all zero is empty. Threads: one at a time.
 * Memory: at most HEAP_HIST_COUNTER_BYTES in counters, all histograms together; beyond it windows
 * stay as they are: slower, as exact.
 */
#ifndef ALLOCTRAP_HEAP_HEAP_HIST_H
#define ALLOCTRAP_HEAP_HEAP_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alloctrap/loglin.h"
#include "heap/hist.h"

enum {
    HEAP_HIST_FEW = 4, /* codes counted in the struct */
    HEAP_HIST_WAITING = 47,
    HEAP_HIST_STEP = 16, /* codes that a window grows by: a cache line of counters */
    HEAP_HIST_PAY = 8,   /* values outside of a window for each step; one while memory is plenty */
    HEAP_HIST_PLENTY_BYTES = 8 << 20,
    HEAP_HIST_COUNTER_BYTES = 128 << 20
};

/* What is not in the window. 120 bytes: what malloc() gives of 128. */
struct heap_hist_rest {
    struct hist hist;
    uint16_t waiting_count;
    uint16_t waiting[HEAP_HIST_WAITING]; /* codes, one for each value, that are not in hist yet */
};
_Static_assert(sizeof(struct heap_hist_rest) == 120, "nothing is wasted");

/* Few codes, then a window: its code_count is 0 while there are few. */
struct heap_hist {
    union {
        struct {
            uint16_t code[HEAP_HIST_FEW];
            uint16_t count[HEAP_HIST_FEW]; /* 0: its code means nothing, nor do those behind it */
        } few;
        struct {
            uint32_t *counts;            /* of code_count codes from first_code on */
            struct heap_hist_rest *rest; /* what is not in counts; NULL while that is nothing */
        } wide;
    };
    uint16_t first_code;
    uint16_t code_count;
    uint16_t outside; /* values that found no counter since the window last grew, or the most */
    bool is_wide;
};
_Static_assert(sizeof(struct heap_hist) == 24, "call sites have many");

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
    if (at >= hist->code_count || ++hist->wide.counts[at] == 0) {
        heap_hist_add_slowly(hist, code, budget);
    }
}

/* HOT. Asks the cache for the counter of a code. */
static inline void heap_hist_prefetch(const struct heap_hist *hist, uint16_t code)
{
    unsigned at = (unsigned)code - hist->first_code;
    if (at < hist->code_count) {
        __builtin_prefetch(&hist->wide.counts[at]);
    }
}

/* Makes *ret (a live struct hist) equal to what was added. */
void heap_hist_read(const struct heap_hist *hist, struct hist *ret);

void heap_hist_finish(struct heap_hist *hist);

#endif
