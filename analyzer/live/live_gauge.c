#include "live/live_gauge.h"

#include <stdatomic.h>

enum { GAUGE_OFF = 2048, GAUGE_VALUES = 5 };

_Static_assert(sizeof(struct session_control) <= GAUGE_OFF, "hosts' part comes first");

static _Atomic uint64_t *values_of(const struct live_dir *dir)
{
    return (_Atomic uint64_t *)(void *)((uint8_t *)dir->control + GAUGE_OFF);
}

void live_gauge_write(const struct live_dir *dir, const struct live_gauge *gauge)
{
    const uint64_t values[GAUGE_VALUES] = {gauge->told_ns, gauge->live_bytes, gauge->live_blocks,
                                           gauge->peak_bytes, gauge->resident_bytes};
    _Atomic uint64_t *to = values_of(dir);
    for (size_t i = 0; i < GAUGE_VALUES; i++) {
        /* Relaxed: nothing else is read by them. */
        atomic_store_explicit(&to[i], values[i], memory_order_relaxed);
    }
}

struct live_gauge live_gauge_read(const struct live_dir *dir)
{
    uint64_t values[GAUGE_VALUES];
    _Atomic uint64_t *from = values_of(dir);
    for (size_t i = 0; i < GAUGE_VALUES; i++) {
        values[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
    }
    return (struct live_gauge){values[0], values[1], values[2], values[3], values[4]};
}
