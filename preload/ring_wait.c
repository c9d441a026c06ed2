#include "ring_wait.h"

#include "base_clock.h"
#include "base_sys.h"

#include <time.h>

enum {
    READ_SHARE = 4,          /* a thread that slept comes back to so much of its ring */
    SPINS = 256,             /* of one that may not sleep */
    SLEEP_FIRST_NS = 200000, /* twice as long each time */
    SLEEP_MOST_NS = 32000000
};

static const uint64_t SILENT_NS = 2000000000U;  /* neither beat nor reading: it is dead */
static const uint64_t UNREAD_NS = 10000000000U; /* it beats, but does not come to us */

/* Set once; relaxed: a thread that sees it late waits a little longer. */
static _Atomic bool waiting_ended;

static enum ring_wait_result end_all_waiting(void)
{
    atomic_store_explicit(&waiting_ended, true, memory_order_relaxed);
    return RING_WAIT_NEVER;
}

/* Events that the recorder has read since we found the ring full; none where it would be more than
 * there are: ring_push() does not believe that either, and we would come back for ever. */
static uint64_t read_count(const struct ring *ring)
{
    /* Relaxed: only a hint to try again; ring_push() reads it with acquire. */
    uint64_t head = atomic_load_explicit(&ring->place->ring_head, memory_order_relaxed);
    return ring_next(ring) - head <= ring->size ? head - ring->place->ring_head_seen : 0;
}

static bool spin(const struct ring *ring)
{
    for (int i = 0; i < SPINS; i++) {
        if (read_count(ring) != 0) {
            return true;
        }
        __builtin_ia32_pause();
    }
    return false;
}

static void sleep_for(long ns)
{
    struct timespec pause = {.tv_nsec = ns};
    (void)sys_call3(SYS_nanosleep, (long)&pause, 0, 0);
}

enum ring_wait_result ring_wait(struct ring *ring, struct session_control *control)
{
    uint64_t read_ns = 0;
    uint64_t read = 0;
    uint64_t alive_ns = 0;
    uint64_t beat_ns = 0;
    long sleep_ns = SLEEP_FIRST_NS;
    for (;;) {
        uint32_t state = atomic_load_explicit(&control->recorder_state, memory_order_relaxed);
        if (state == SESSION_RECORDER_CLOSED) {
            return RING_WAIT_CLOSED;
        }
        if (control->on_full == SESSION_FULL_DROP || ring->events == NULL ||
            atomic_load_explicit(&waiting_ended, memory_order_relaxed)) {
            return RING_WAIT_NEVER;
        }
        if (!sys_may_call()) {
            return spin(ring) ? RING_WAIT_ROOM : RING_WAIT_NEVER;
        }
        /* To come back to a few is to wait again at once, with a turn of the scheduler for each
         * thread, and the processor is what the recorder wants. */
        uint64_t read_now = read_count(ring);
        if (read_now >= ring->size / READ_SHARE) {
            return RING_WAIT_ROOM;
        }
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t beat = atomic_load_explicit(&control->beat_ns, memory_order_relaxed);
        if (read_now != read || read_ns == 0) {
            read = read_now;
            read_ns = now_ns;
        }
        if (beat != beat_ns || alive_ns == 0) {
            beat_ns = beat;
            alive_ns = now_ns;
        }
        if (now_ns - alive_ns > SILENT_NS || now_ns - read_ns > UNREAD_NS) {
            return end_all_waiting();
        }
        sleep_for(sleep_ns);
        sleep_ns = 2 * sleep_ns < SLEEP_MOST_NS ? 2 * sleep_ns : SLEEP_MOST_NS;
    }
}
