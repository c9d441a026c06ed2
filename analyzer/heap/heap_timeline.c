#include "heap/heap_timeline.h"

#include <stdlib.h>

#include "base/mem.h"

static void open_bin(struct heap_timeline *timeline, uint32_t bin)
{
    timeline->bins[bin] = (struct profile_bin){
        .live_bytes = timeline->live_bytes,
        .live_blocks = timeline->live_blocks,
        .rss_bytes = timeline->rss_bytes,
    };
    timeline->bin_count = bin + 1;
}

static void aim_at_last(struct heap_timeline *timeline)
{
    timeline->from_ns = (timeline->bin_count - 1) * timeline->bin_ns;
    timeline->span_ns = timeline->bin_ns;
    timeline->last = &timeline->bins[timeline->bin_count - 1];
}

void heap_timeline_init(struct heap_timeline *timeline)
{
    *timeline = (struct heap_timeline){.bin_ns = HEAP_TIMELINE_FIRST_NS};
    timeline->bins = mem_zero(PROFILE_TIMELINE_BINS, sizeof *timeline->bins);
    open_bin(timeline, 0);
    aim_at_last(timeline);
}

void heap_timeline_finish(struct heap_timeline *timeline)
{
    free(timeline->bins);
    *timeline = (struct heap_timeline){0};
}

void heap_timeline_add_bin(struct profile_bin *into, const struct profile_bin *from)
{
    into->allocs += from->allocs;
    into->frees += from->frees;
    into->bytes += from->bytes;
    into->ns += from->ns;
    into->faults += from->faults;
    if (from->live_bytes > into->live_bytes ||
        (from->live_bytes == into->live_bytes && from->live_blocks > into->live_blocks)) {
        into->live_bytes = from->live_bytes;
        into->live_blocks = from->live_blocks;
    }
    if (from->rss_bytes > into->rss_bytes) {
        into->rss_bytes = from->rss_bytes;
    }
}

static void double_width(struct heap_timeline *timeline)
{
    uint32_t count = (timeline->bin_count + 1) / 2;
    for (uint32_t i = 0; i < count; i++) {
        struct profile_bin bin = timeline->bins[2 * i];
        if (2 * i + 1 < timeline->bin_count) {
            heap_timeline_add_bin(&bin, &timeline->bins[2 * i + 1]);
        }
        timeline->bins[i] = bin;
    }
    timeline->bin_count = count;
    timeline->bin_ns *= 2;
}

struct profile_bin *heap_timeline_find(struct heap_timeline *timeline, uint64_t time_ns)
{
    while (time_ns / timeline->bin_ns >= PROFILE_TIMELINE_BINS) {
        double_width(timeline);
    }
    uint32_t bin = (uint32_t)(time_ns / timeline->bin_ns);
    while (timeline->bin_count <= bin) {
        open_bin(timeline, timeline->bin_count);
    }
    aim_at_last(timeline);
    return &timeline->bins[bin];
}

void heap_timeline_sample(struct heap_timeline *timeline, uint64_t time_ns, uint64_t rss_bytes,
                          uint64_t faults)
{
    struct profile_bin *bin = heap_timeline_bin(timeline, time_ns);
    bin->faults += faults;
    timeline->rss_bytes = rss_bytes;
    if (rss_bytes > bin->rss_bytes) {
        bin->rss_bytes = rss_bytes;
    }
}
