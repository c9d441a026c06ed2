#include "link_session.h"
#include "memory_session.h"
#include "ring_spsc.h"

#include <criterion/criterion.h>

enum { EVENTS = 8 };

static struct ring small_ring(struct session_head *head)
{
    struct ring ring;
    struct session_thread *place = link_at(head, link_alloc(head, sizeof *place));
    place->ring_off = link_alloc(head, EVENTS * sizeof(struct session_event));
    place->ring_events = EVENTS;
    ring_init(&ring, head, place);
    return ring;
}

static bool push_one(struct ring *ring, uint64_t stamp_ns)
{
    struct session_event event = {.stamp_ns = stamp_ns};
    return ring_push(ring, &event, 1);
}

Test(ring_spsc, full_ring_refuses_the_newest)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct ring ring = small_ring(head);
    for (uint64_t i = 0; i < EVENTS; i++) {
        cr_assert(push_one(&ring, i));
    }
    cr_assert_not(push_one(&ring, 99));
    cr_assert_eq(ring.place->ring_tail, EVENTS);
    cr_assert_eq(ring.events[0].stamp_ns, 0);
    free(head);
}

Test(ring_spsc, what_was_read_makes_room)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct ring ring = small_ring(head);
    for (uint64_t i = 0; i < 100 * EVENTS; i++) {
        cr_assert(push_one(&ring, i));
        cr_assert_eq(ring.events[i % EVENTS].stamp_ns, i);
        ring.place->ring_head = i;
    }
    free(head);
}

Test(ring_spsc, two_events_go_together_or_not_at_all)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct ring ring = small_ring(head);
    struct session_event pair[2] = {{.stamp_ns = 1}, {.stamp_ns = 2}};
    for (uint64_t i = 0; i < EVENTS - 1; i++) {
        cr_assert(push_one(&ring, i));
    }
    cr_assert_not(ring_push(&ring, pair, 2));
    cr_assert_eq(ring.place->ring_tail, EVENTS - 1);
    cr_assert(push_one(&ring, 7));
    free(head);
}

Test(ring_spsc, a_consumer_that_claims_the_future_gets_nothing_new)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct ring ring = small_ring(head);
    for (uint64_t i = 0; i < EVENTS; i++) {
        cr_assert(push_one(&ring, i));
    }
    ring.place->ring_head = UINT64_MAX - 3;
    cr_assert_not(push_one(&ring, 99));
    free(head);
}

Test(ring_spsc, counters_of_64_bits_wrap)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct ring ring = small_ring(head);
    ring.place->ring_tail = ring.place->ring_head = ring.place->ring_head_seen = UINT64_MAX - 2;
    for (uint64_t i = 0; i < EVENTS; i++) {
        cr_assert(push_one(&ring, i));
    }
    cr_assert_not(push_one(&ring, 99));
    free(head);
}

Test(ring_spsc, a_place_without_a_ring_refuses)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct session_thread *place = link_at(head, link_alloc(head, sizeof *place));
    struct ring ring;
    ring_init(&ring, head, place);
    cr_assert_not(push_one(&ring, 1));
    free(head);
}

Test(ring_spsc, later_threads_get_smaller_rings)
{
    cr_assert_eq(ring_size_for(0), 32768);
    cr_assert_eq(ring_size_for(7), 32768);
    cr_assert_eq(ring_size_for(8), 16384);
    cr_assert_eq(ring_size_for(63), 16384);
    cr_assert_eq(ring_size_for(64), 2048);
}

static bool push_quickly(struct ring *ring, const struct session_event *event)
{
    uint64_t next = ring_next(ring);
    if (!ring_has_room(ring, next)) {
        return false;
    }
    ring_push_next(ring, next, event);
    return true;
}

Test(ring_spsc, quick_pushes_stop_where_the_slow_one_must_look)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct ring ring = small_ring(head);
    struct session_event event = {.stamp_ns = 7};
    cr_assert_not(push_quickly(&ring, &event), "the pages are touched first");
    cr_assert(ring_push(&ring, &event, 1));
    for (uint64_t i = 1; i < EVENTS; i++) {
        cr_assert(push_quickly(&ring, &event));
    }
    cr_assert_not(push_quickly(&ring, &event));
    cr_assert_not(ring_push(&ring, &event, 1));
    ring.place->ring_head = 3;
    cr_assert_not(push_quickly(&ring, &event), "our copy of the head is old");
    cr_assert(ring_push(&ring, &event, 1));
    cr_assert(push_quickly(&ring, &event));
    cr_assert(push_quickly(&ring, &event));
    cr_assert_not(push_quickly(&ring, &event));
    cr_assert_eq(ring.place->ring_tail, EVENTS + 3);
    free(head);
}
