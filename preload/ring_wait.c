#include "ring_wait.h"

#include "base_clock.h"
#include "base_sys.h"

#include <time.h>

enum { SPINS = 256, SLEEP_NS = 50000 };

static const uint64_t SILENT_NS = 2000000000U;  /* neither beat nor reading: it is dead */
static const uint64_t UNREAD_NS = 10000000000U; /* it beats, but does not come to us */

/* Set once; relaxed: a thread that sees it late waits a little longer. */
static _Atomic bool waiting_ended;

static enum ring_wait_result end_all_waiting(void)
{
    atomic_store_explicit(&waiting_ended, true, memory_order_relaxed);
    return RING_WAIT_NEVER;
}

static bool was_read(const struct ring *ring)
{
    /* Relaxed: only a hint to try again; ring_push() reads it with acquire. */
    return atomic_load_explicit(&ring->place->ring_head, memory_order_relaxed) !=
           ring->place->ring_head_seen;
}

static bool spin(const struct ring *ring)
{
    for (int i = 0; i < SPINS; i++) {
        if (was_read(ring)) {
            return true;
        }
        __builtin_ia32_pause();
    }
    return false;
}

static void sleep_a_little(void)
{
    struct timespec pause = {.tv_nsec = SLEEP_NS};
    (void)sys_call3(SYS_nanosleep, (long)&pause, 0, 0);
}

enum ring_wait_result ring_wait(struct ring *ring, struct session_control *control)
{
    uint64_t start_ns = 0;
    uint64_t alive_ns = 0;
    uint64_t beat_ns = 0;
    for (;;) {
        uint32_t state = atomic_load_explicit(&control->recorder_state, memory_order_relaxed);
        if (state == SESSION_RECORDER_CLOSED) {
            return RING_WAIT_CLOSED;
        }
        if (control->on_full == SESSION_FULL_DROP || ring->events == NULL ||
            atomic_load_explicit(&waiting_ended, memory_order_relaxed)) {
            return RING_WAIT_NEVER;
        }
        if (spin(ring)) {
            return RING_WAIT_ROOM;
        }
        if (!sys_may_call()) {
            return RING_WAIT_NEVER; /* a wait that cannot sleep */
        }
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t beat = atomic_load_explicit(&control->beat_ns, memory_order_relaxed);
        start_ns = start_ns == 0 ? now_ns : start_ns;
        if (beat != beat_ns || alive_ns == 0) {
            beat_ns = beat;
            alive_ns = now_ns;
        }
        if (now_ns - alive_ns > SILENT_NS || now_ns - start_ns > UNREAD_NS) {
            return end_all_waiting();
        }
        sleep_a_little();
    }
}
