#include "live/live_order.h"

#include <stdlib.h>

#include "base/mem.h"

struct live_cursor {
    uint64_t stamp_ns; /* of the ring's next event */
    uint64_t horizon_ns;
    struct live_ring *ring;
};

static const struct session_event *next_event(const struct live_ring *ring)
{
    return &ring->events[ring->head & ring->mask];
}

bool live_order_is_pressed(const struct live_ring *ring)
{
    return ring->events != NULL && ring->tail - ring->head > (ring->mask + 1) / 2;
}

static void swap(struct live_cursor *a, struct live_cursor *b)
{
    struct live_cursor kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct live_cursor *at, size_t i)
{
    while (i > 0 && at[i].stamp_ns < at[(i - 1) / 2].stamp_ns) {
        swap(&at[i], &at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sift_down(struct live_cursor *at, size_t count, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++) {
            least = at[child].stamp_ns < at[least].stamp_ns ? child : least;
        }
        if (least == i) {
            return;
        }
        swap(&at[i], &at[least]);
        i = least;
    }
}

void live_order_add(struct live_order *order, struct live_ring *ring, uint64_t horizon_ns)
{
    if (ring->events == NULL || ring->head == ring->tail ||
        next_event(ring)->stamp_ns > horizon_ns) {
        return;
    }
    if (order->count == order->room) {
        order->room = order->room == 0 ? 64 : 2 * order->room;
        order->cursors = mem_resize(order->cursors, order->room, sizeof *order->cursors);
    }
    order->cursors[order->count] = (struct live_cursor){
        .stamp_ns = next_event(ring)->stamp_ns, .horizon_ns = horizon_ns, .ring = ring};
    sift_up(order->cursors, order->count);
    order->count += 1;
}

/* How far the first ring may be read before another one is due. */
static uint64_t second_stamp(const struct live_order *order)
{
    uint64_t stamp_ns = UINT64_MAX;
    for (size_t child = 1; child <= 2 && child < order->count; child++) {
        uint64_t other_ns = order->cursors[child].stamp_ns;
        stamp_ns = other_ns < stamp_ns ? other_ns : stamp_ns;
    }
    return stamp_ns;
}

/* Events in one piece of memory, up to limit_ns. The first is due, whatever its stamp says now. */
static size_t run_length(const struct live_ring *ring, uint64_t limit_ns)
{
    uint64_t until_end = ring->mask + 1 - (ring->head & ring->mask);
    uint64_t left = ring->tail - ring->head;
    uint64_t max = left < until_end ? left : until_end;
    max = max < LIVE_ORDER_RUN_MAX ? max : LIVE_ORDER_RUN_MAX;
    const struct session_event *events = next_event(ring);
    size_t count = 1;
    while (count < max && events[count].stamp_ns <= limit_ns) {
        count += 1;
    }
    return count;
}

static bool has_due(const struct live_cursor *cursor)
{
    const struct live_ring *ring = cursor->ring;
    return ring->head != ring->tail && next_event(ring)->stamp_ns <= cursor->horizon_ns;
}

uint64_t live_order_merge(struct live_order *order, live_order_run run, void *context)
{
    uint64_t passed = 0;
    while (order->count > 0) {
        struct live_cursor *first = &order->cursors[0];
        uint64_t other_ns = second_stamp(order);
        uint64_t limit_ns = other_ns < first->horizon_ns ? other_ns : first->horizon_ns;
        struct live_ring *ring = first->ring;
        const struct session_event *events = next_event(ring);
        size_t count = run_length(ring, limit_ns);
        ring->head += count;
        passed += count;
        run(context, ring, events, count);
        if (has_due(first)) {
            first->stamp_ns = next_event(ring)->stamp_ns;
        } else {
            *first = order->cursors[--order->count];
        }
        sift_down(order->cursors, order->count, 0);
    }
    return passed;
}

void live_order_finish(struct live_order *order)
{
    free(order->cursors);
    *order = (struct live_order){0};
}
