#include "heap/hist.h"

#include <stdlib.h>
#include <string.h>

#include "alloctrap/loglin.h"
#include "base/mem.h"

enum { BINS_FIRST = 4, FEW_SHARE = 8, VARINT_BYTES_MAX = 10, QUANTILE_ONE = 10000 };

/* The first bin whose code is not below code. */
static uint32_t lower_bin(const struct hist *hist, uint16_t code)
{
    uint32_t low = 0;
    uint32_t span = hist->bin_count;
    while (span > 0) {
        uint32_t half = span / 2;
        bool is_below = hist->bins[low + half].code < code;
        low += is_below ? half + 1 : 0;
        span = is_below ? span - half - 1 : half;
    }
    return low;
}

void hist_reserve(struct hist *hist, uint32_t bins)
{
    if (bins > hist->bin_room) {
        hist->bins = mem_resize(hist->bins, bins, sizeof *hist->bins);
        hist->bin_room = bins;
    }
}

static void reserve(struct hist *hist, uint32_t bins)
{
    if (bins <= hist->bin_room) {
        return;
    }
    uint32_t room = hist->bin_room == 0 ? BINS_FIRST : hist->bin_room;
    while (room < bins) {
        room *= 2;
    }
    hist_reserve(hist, room);
}

static void insert_bin(struct hist *hist, uint32_t at, uint16_t code, uint64_t count)
{
    reserve(hist, hist->bin_count + 1);
    memmove(&hist->bins[at + 1], &hist->bins[at], (hist->bin_count - at) * sizeof *hist->bins);
    hist->bins[at] = (struct hist_bin){.code = code, .count = count};
    hist->bin_count += 1;
}

void hist_add(struct hist *hist, uint16_t code, uint64_t count)
{
    if (count == 0) {
        return;
    }
    bool is_last = hist->bin_count != 0 && hist->bins[hist->bin_count - 1].code < code;
    uint32_t at = is_last ? hist->bin_count : lower_bin(hist, code); /* mostly in order */
    hist->count += count;
    if (at < hist->bin_count && hist->bins[at].code == code) {
        hist->bins[at].count += count;
    } else {
        insert_bin(hist, at, code, count);
    }
}

/* How many codes of `from` are not in `into`. */
static uint32_t count_new(const struct hist *into, const struct hist *from)
{
    uint32_t at = 0;
    uint32_t added = 0;
    for (uint32_t i = 0; i < from->bin_count; i++) {
        while (at < into->bin_count && into->bins[at].code < from->bins[i].code) {
            at += 1;
        }
        added += at == into->bin_count || into->bins[at].code != from->bins[i].code;
    }
    return added;
}

/* From the back, so that each bin of `into` moves once. */
static void interleave(struct hist *into, const struct hist *from, uint32_t added)
{
    uint32_t old = into->bin_count;
    uint32_t at = old + added;
    into->bin_count = at;
    for (uint32_t i = from->bin_count; i > 0;) {
        const struct hist_bin *bin = &from->bins[i - 1];
        if (old > 0 && into->bins[old - 1].code > bin->code) {
            into->bins[--at] = into->bins[--old];
            continue;
        }
        struct hist_bin sum = *bin;
        if (old > 0 && into->bins[old - 1].code == bin->code) {
            sum.count += into->bins[--old].count;
        }
        into->bins[--at] = sum;
        i -= 1;
    }
}

void hist_merge(struct hist *into, const struct hist *from)
{
    if (from->bin_count < into->bin_count / FEW_SHARE) {
        for (uint32_t i = 0; i < from->bin_count; i++) {
            hist_add(into, from->bins[i].code, from->bins[i].count);
        }
        return;
    }
    uint32_t added = count_new(into, from);
    hist_reserve(into, into->bin_count + added);
    interleave(into, from, added);
    into->count += from->count;
}

void hist_take_off(struct hist *from, const struct hist *what)
{
    uint32_t kept = 0;
    uint32_t other = 0;
    from->count = 0;
    for (uint32_t i = 0; i < from->bin_count; i++) {
        struct hist_bin bin = from->bins[i];
        while (other < what->bin_count && what->bins[other].code < bin.code) {
            other += 1;
        }
        if (other < what->bin_count && what->bins[other].code == bin.code) {
            uint64_t count = what->bins[other].count;
            bin.count = bin.count > count ? bin.count - count : 0;
        }
        if (bin.count != 0) {
            from->bins[kept++] = bin;
            from->count += bin.count;
        }
    }
    from->bin_count = kept;
}

void hist_finish(struct hist *hist)
{
    free(hist->bins);
    *hist = (struct hist){0};
}

uint64_t hist_quantile(const struct hist *hist, unsigned per_ten_thousand)
{
    if (hist->count == 0) {
        return 0;
    }
    /* ceil(count * q / 10000) in two parts, so that no product overflows. */
    uint64_t part = (hist->count % QUANTILE_ONE) * per_ten_thousand;
    uint64_t rank =
        hist->count / QUANTILE_ONE * per_ten_thousand + (part + QUANTILE_ONE - 1) / QUANTILE_ONE;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        seen += hist->bins[i].count;
        if (seen >= rank) {
            return loglin_value(hist->bins[i].code);
        }
    }
    return hist_max(hist);
}

uint64_t hist_min(const struct hist *hist)
{
    return hist->bin_count == 0 ? 0 : loglin_value(hist->bins[0].code);
}

uint64_t hist_max(const struct hist *hist)
{
    return hist->bin_count == 0 ? 0 : loglin_value(hist->bins[hist->bin_count - 1].code);
}

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

size_t hist_encoded_max(const struct hist *hist)
{
    return ((size_t)hist->bin_count * 2 + 1) * VARINT_BYTES_MAX;
}

size_t hist_encode(const struct hist *hist, uint8_t *bytes)
{
    uint8_t *out = put_varint(bytes, hist->bin_count);
    uint16_t last = 0;
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        out = put_varint(out, (uint64_t)(hist->bins[i].code - last));
        out = put_varint(out, hist->bins[i].count);
        last = hist->bins[i].code;
    }
    return (size_t)(out - bytes);
}

struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static bool get_varint(struct reader *in, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        uint64_t part = byte & 0x7f;
        if (part << shift >> shift != part) {
            return false;
        }
        value |= part << shift;
        if ((byte & 0x80) == 0) {
            *ret = value;
            return true;
        }
    }
    return false;
}

/* One (delta, count) pair behind the bins read so far. */
static bool get_bin(struct reader *in, struct hist *hist)
{
    uint64_t delta = 0;
    uint64_t count = 0;
    if (!get_varint(in, &delta) || !get_varint(in, &count)) {
        return false;
    }
    bool is_first = hist->bin_count == 0;
    uint64_t last = is_first ? 0 : hist->bins[hist->bin_count - 1].code;
    bool is_rising = is_first || delta != 0;
    if (!is_rising || delta >= LOGLIN_CODES || last + delta >= LOGLIN_CODES || count == 0 ||
        count > UINT64_MAX - hist->count) {
        return false;
    }
    insert_bin(hist, hist->bin_count, (uint16_t)(last + delta), count);
    hist->count += count;
    return true;
}

bool hist_decode(const uint8_t *bytes, size_t len, struct hist *ret)
{
    struct reader in = {bytes, bytes + len};
    uint64_t bins = 0;
    *ret = (struct hist){0};
    bool is_good = get_varint(&in, &bins) && bins <= LOGLIN_CODES;
    for (uint64_t i = 0; is_good && i < bins; i++) {
        is_good = get_bin(&in, ret);
    }
    if (!is_good || in.at != in.end) {
        hist_finish(ret);
        return false;
    }
    return true;
}
