/*
 * live_gauge - the few numbers that only the recorder knows of a running program, written into the
 * control page for whoever looks (`alloctrap top`), behind what hosts read there.
 * Owner: the recorder writes, ten times a second.   Threads: any number of readers.
 * Memory: none of its own; a control page of an older recorder has zeros.
 */
#ifndef ALLOCTRAP_LIVE_GAUGE_H
#define ALLOCTRAP_LIVE_GAUGE_H

#include <stdint.h>

#include "live/live_dir.h"

struct live_gauge {
    uint64_t told_ns; /* CLOCK_MONOTONIC; 0 = nothing was told yet */
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t peak_bytes;
    uint64_t resident_bytes; /* of all processes */
};

void live_gauge_write(const struct live_dir *dir, const struct live_gauge *gauge);

/* Each value is whole; they may be of two moments, a tenth of a second apart. */
struct live_gauge live_gauge_read(const struct live_dir *dir);

#endif
