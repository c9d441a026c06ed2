#include "heap/heap_hist.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* From this code on the window would have to begin, and how many codes it would hold. */
struct window {
    unsigned first;
    unsigned count;
};

static struct window window_with(const struct heap_hist *hist, uint16_t code)
{
    unsigned first = code & ~(HEAP_HIST_STEP - 1U);
    unsigned end = first + HEAP_HIST_STEP;
    if (hist->code_count != 0) {
        unsigned old_end = (unsigned)hist->first_code + hist->code_count;
        first = first < hist->first_code ? first : hist->first_code;
        end = end > old_end ? end : old_end;
    }
    return (struct window){first, end - first};
}

/* The bins of the rest that now have a counter move into it. */
static void take_in_rest(struct heap_hist *hist)
{
    struct hist *rest = &hist->rest;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rest->bin_count; i++) {
        struct hist_bin bin = rest->bins[i];
        unsigned at = (unsigned)bin.code - hist->first_code;
        if (at < hist->code_count && bin.count <= UINT32_MAX - hist->counts[at]) {
            hist->counts[at] += (uint32_t)bin.count;
            rest->count -= bin.count;
        } else {
            rest->bins[kept++] = bin;
        }
    }
    rest->bin_count = kept;
}

static void widen(struct heap_hist *hist, struct window window)
{
    uint32_t *counts = mem_zero(window.count, sizeof *counts);
    if (hist->code_count != 0) {
        memcpy(counts + (hist->first_code - window.first), hist->counts,
               hist->code_count * sizeof *counts);
    }
    free(hist->counts);
    hist->counts = counts;
    hist->first_code = (uint16_t)window.first;
    hist->code_count = (uint16_t)window.count;
    hist->outside = 0;
    take_in_rest(hist);
}

void heap_hist_add_slowly(struct heap_hist *hist, uint16_t code, struct heap_hist_budget *budget)
{
    if ((unsigned)code - hist->first_code < hist->code_count) { /* its counter is 0 again */
        hist_add(&hist->rest, code, UINT64_C(1) << 32);
        return;
    }
    hist_add(&hist->rest, code, 1);
    hist->outside += 1;
    struct window window = window_with(hist, code);
    unsigned more = window.count - hist->code_count;
    size_t more_bytes = more * sizeof *hist->counts;
    if (hist->outside >= more / HEAP_HIST_STEP &&
        budget->bytes_used + more_bytes <= HEAP_HIST_COUNTER_BYTES) {
        budget->bytes_used += more_bytes;
        widen(hist, window);
    }
}

void heap_hist_merge(const struct heap_hist *hist, struct hist *into)
{
    for (unsigned i = 0; i < hist->code_count; i++) {
        hist_add(into, (uint16_t)(hist->first_code + i), hist->counts[i]);
    }
    hist_merge(into, &hist->rest);
}

void heap_hist_read(const struct heap_hist *hist, struct hist *ret)
{
    ret->bin_count = 0;
    ret->count = 0;
    heap_hist_merge(hist, ret);
}

void heap_hist_finish(struct heap_hist *hist)
{
    free(hist->counts);
    hist_finish(&hist->rest);
    *hist = (struct heap_hist){0};
}
