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

static void add_waiting(const struct heap_hist_rest *rest, struct hist *into)
{
    for (unsigned i = 0; i < rest->waiting_count; i++) {
        hist_add(into, rest->waiting[i], 1);
    }
}

static void end_waiting(struct heap_hist_rest *rest)
{
    add_waiting(rest, &rest->hist);
    rest->waiting_count = 0;
}

static struct heap_hist_rest *rest_of(struct heap_hist *hist)
{
    if (hist->wide.rest == NULL) {
        hist->wide.rest = mem_zero(1, sizeof *hist->wide.rest);
    }
    return hist->wide.rest;
}

static void drop_rest(struct heap_hist *hist)
{
    if (hist->wide.rest != NULL) {
        hist_finish(&hist->wide.rest->hist);
        free(hist->wide.rest);
        hist->wide.rest = NULL;
    }
}

/* The values and bins of the rest that now have a counter move into it. */
static void take_in_rest(struct heap_hist *hist)
{
    struct heap_hist_rest *rest = hist->wide.rest;
    uint16_t kept_waiting = 0;
    for (unsigned i = 0; i < rest->waiting_count; i++) {
        unsigned at = (unsigned)rest->waiting[i] - hist->first_code;
        if (at < hist->code_count && hist->wide.counts[at] != UINT32_MAX) {
            hist->wide.counts[at] += 1;
        } else {
            rest->waiting[kept_waiting++] = rest->waiting[i];
        }
    }
    rest->waiting_count = kept_waiting;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rest->hist.bin_count; i++) {
        struct hist_bin bin = rest->hist.bins[i];
        unsigned at = (unsigned)bin.code - hist->first_code;
        if (at < hist->code_count && bin.count <= UINT32_MAX - hist->wide.counts[at]) {
            hist->wide.counts[at] += (uint32_t)bin.count;
            rest->hist.count -= bin.count;
        } else {
            rest->hist.bins[kept++] = bin;
        }
    }
    rest->hist.bin_count = kept;
    if (kept == 0 && kept_waiting == 0) {
        drop_rest(hist); /* most never need it once their window stands */
    }
}

static void widen(struct heap_hist *hist, struct window window)
{
    uint32_t *counts = mem_zero(window.count, sizeof *counts);
    if (hist->code_count != 0) {
        memcpy(counts + (hist->first_code - window.first), hist->wide.counts,
               hist->code_count * sizeof *counts);
    }
    free(hist->wide.counts);
    hist->wide.counts = counts;
    hist->first_code = (uint16_t)window.first;
    hist->code_count = (uint16_t)window.count;
    hist->outside = 0;
    if (hist->wide.rest != NULL) {
        take_in_rest(hist);
    }
}

static void add_to_rest(struct heap_hist *hist, uint16_t code, uint16_t count)
{
    struct heap_hist_rest *rest = rest_of(hist);
    if (count > 1) {
        hist_add(&rest->hist, code, count);
        return;
    }
    rest->waiting[rest->waiting_count++] = code;
    if (rest->waiting_count == HEAP_HIST_WAITING) {
        end_waiting(rest);
    }
}

/* Whether so many more counters are paid for, and there is memory for them. */
static bool may_widen(const struct heap_hist *hist, unsigned more,
                      const struct heap_hist_budget *budget)
{
    unsigned pay = budget->bytes_used < HEAP_HIST_PLENTY_BYTES ? 1 : HEAP_HIST_PAY;
    return hist->outside >= more / HEAP_HIST_STEP * pay &&
           budget->bytes_used + more * sizeof *hist->wide.counts <= HEAP_HIST_COUNTER_BYTES;
}

/* Counts values for which there is no counter. */
static void add_outside(struct heap_hist *hist, uint16_t code, uint16_t count,
                        struct heap_hist_budget *budget)
{
    hist->outside =
        (uint16_t)(count < UINT16_MAX - hist->outside ? hist->outside + count : UINT16_MAX);
    struct window window = window_with(hist, code);
    unsigned more = window.count - hist->code_count;
    if (!may_widen(hist, more, budget)) {
        add_to_rest(hist, code, count);
        return;
    }
    budget->bytes_used += more * sizeof *hist->wide.counts;
    widen(hist, window);
    uint32_t *counter = &hist->wide.counts[code - hist->first_code];
    if (*counter <= UINT32_MAX - count) {
        *counter += count;
    } else {
        add_to_rest(hist, code, count); /* what was in the rest fills it */
    }
}

static void add_wide(struct heap_hist *hist, uint16_t code, uint16_t count,
                     struct heap_hist_budget *budget)
{
    unsigned at = (unsigned)code - hist->first_code;
    if (at >= hist->code_count) {
        add_outside(hist, code, count, budget);
    } else {
        hist->wide.counts[at] += count;
    }
}

/* False when the code has no room there, or its counter is full. */
static bool add_to_few(struct heap_hist *hist, uint16_t code)
{
    for (unsigned i = 0; i < HEAP_HIST_FEW; i++) {
        if (hist->few.count[i] == 0) {
            hist->few.code[i] = code;
            hist->few.count[i] = 1;
            return true;
        }
        if (hist->few.code[i] == code) {
            bool has_room = hist->few.count[i] != UINT16_MAX;
            hist->few.count[i] += has_room;
            return has_room;
        }
    }
    return false;
}

static void leave_few(struct heap_hist *hist, struct heap_hist_budget *budget)
{
    struct heap_hist few = *hist;
    *hist = (struct heap_hist){.is_wide = true};
    hist->wide.counts = NULL;
    hist->wide.rest = NULL;
    for (unsigned i = 0; i < HEAP_HIST_FEW && few.few.count[i] != 0; i++) {
        add_wide(hist, few.few.code[i], few.few.count[i], budget);
    }
}

void heap_hist_add_slowly(struct heap_hist *hist, uint16_t code, struct heap_hist_budget *budget)
{
    if (!hist->is_wide) {
        if (add_to_few(hist, code)) {
            return;
        }
        leave_few(hist, budget);
        add_wide(hist, code, 1, budget);
        return;
    }
    if ((unsigned)code - hist->first_code >= hist->code_count) {
        add_outside(hist, code, 1, budget);
        return;
    }
    hist_add(&rest_of(hist)->hist, code, UINT64_C(1) << 32); /* its counter is 0 again */
}

static uint32_t count_used(const struct heap_hist *hist)
{
    uint32_t used = 0;
    for (unsigned i = 0; i < hist->code_count; i++) {
        used += hist->wide.counts[i] != 0;
    }
    return used;
}

static void read_few(const struct heap_hist *hist, struct hist *ret)
{
    unsigned used = 0;
    while (used < HEAP_HIST_FEW && hist->few.count[used] != 0) {
        used += 1;
    }
    hist_reserve(ret, used);
    for (unsigned i = 0; i < used; i++) {
        hist_add(ret, hist->few.code[i], hist->few.count[i]);
    }
}

void heap_hist_read(const struct heap_hist *hist, struct hist *ret)
{
    ret->bin_count = 0;
    ret->count = 0;
    if (!hist->is_wide) {
        read_few(hist, ret);
        return;
    }
    const struct heap_hist_rest *rest = hist->wide.rest;
    hist_reserve(ret, count_used(hist) +
                          (rest != NULL ? rest->hist.bin_count + rest->waiting_count : 0));
    for (unsigned i = 0; i < hist->code_count; i++) {
        if (hist->wide.counts[i] != 0) {
            hist_append(ret, (uint16_t)(hist->first_code + i), hist->wide.counts[i]);
        }
    }
    if (rest != NULL) {
        hist_merge(ret, &rest->hist);
        add_waiting(rest, ret);
    }
}

void heap_hist_finish(struct heap_hist *hist)
{
    if (hist->is_wide) {
        free(hist->wide.counts);
        drop_rest(hist);
    }
    *hist = (struct heap_hist){0};
}
