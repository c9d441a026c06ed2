/*
 * hist - a histogram over log-linear codes (alloctrap/loglin.h): sparse, exact counts, mergeable.
 * A pair (code, count) for each code seen, sorted by code; most sites see a dozen codes.
 * Values carry no unit here; latencies are ns, sizes bytes.
 */
#ifndef ALLOCTRAP_HEAP_HIST_H
#define ALLOCTRAP_HEAP_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hist_bin {
    uint16_t code;
    uint16_t pad[3];
    uint64_t count;
};

/* All zero is an empty histogram. */
struct hist {
    struct hist_bin *bins; /* sorted by code */
    uint32_t bin_count;
    uint32_t bin_room;
    uint64_t count; /* sum of all bins */
};

void hist_add(struct hist *hist, uint16_t code, uint64_t count);
/* Makes room for so many bins in all, and not for more. */
void hist_reserve(struct hist *hist, uint32_t bins);
/* Adds a code above all others, which has room, count times; count is not 0. */
static inline void hist_append(struct hist *hist, uint16_t code, uint64_t count)
{
    hist->bins[hist->bin_count++] = (struct hist_bin){.code = code, .count = count};
    hist->count += count;
}
void hist_merge(struct hist *into, const struct hist *from);
/* Takes the values of `what` out of `from`, as far as they are there. */
void hist_take_off(struct hist *from, const struct hist *what);
void hist_finish(struct hist *hist);

/* The value at quantile (per ten thousand: 5000 = median, 9990 = p99.9): the middle of the bin that
 * holds the ceil(q*n)-th smallest value; 0 when empty. Never interpolates across bins. */
uint64_t hist_quantile(const struct hist *hist, unsigned per_ten_thousand);

/* The smallest and largest value seen, as bin middles; 0 when empty. */
uint64_t hist_min(const struct hist *hist);
uint64_t hist_max(const struct hist *hist);

/* Bytes for the recording: LEB128 varints: bin count, then (code delta, count) pairs. What
 * hist_encode() writes, and returns how long it is, has room in hist_encoded_max() bytes. decode
 * refuses unsorted, overflowing or trailing input and leaves *ret empty. */
size_t hist_encoded_max(const struct hist *hist);
size_t hist_encode(const struct hist *hist, uint8_t *bytes);
bool hist_decode(const uint8_t *bytes, size_t len, struct hist *ret);

#endif
