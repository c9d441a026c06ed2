#include "link_session.h"
#include "memory_session.h"
#include "ring_wait.h"

#include "base_clock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

enum { EVENTS = 16 };

static struct session_control control;

static struct ring full_ring(struct session_head *head)
{
    struct ring ring;
    struct session_event event = {0};
    struct session_thread *place = link_at(head, link_alloc(head, sizeof *place));
    place->ring_off = link_alloc(head, EVENTS * sizeof event);
    place->ring_events = EVENTS;
    ring_init(&ring, head, place);
    while (ring_push(&ring, &event, 1)) {
    }
    return ring;
}

Test(ring_wait, a_finished_recorder_ends_recording)
{
    struct ring ring = full_ring(memory_session_create(1 << 20));
    control.recorder_state = SESSION_RECORDER_CLOSED;
    cr_assert_eq(ring_wait(&ring, &control), RING_WAIT_CLOSED);
}

Test(ring_wait, dropping_never_waits)
{
    struct ring ring = full_ring(memory_session_create(1 << 20));
    control.on_full = SESSION_FULL_DROP;
    cr_assert_eq(ring_wait(&ring, &control), RING_WAIT_NEVER);
}

Test(ring_wait, reading_ends_the_wait)
{
    struct ring ring = full_ring(memory_session_create(1 << 20));
    ring.place->ring_head = EVENTS / 4;
    cr_assert_eq(ring_wait(&ring, &control), RING_WAIT_ROOM);
}

/* Reads the ring one event at a time, and closes it before a quarter is read. */
static void *read_slowly(void *argument)
{
    struct session_thread *place = argument;
    for (int i = 1; i < EVENTS / 4; i++) {
        usleep(2000);
        place->ring_head = place->ring_head + 1;
    }
    control.recorder_state = SESSION_RECORDER_CLOSED;
    return NULL;
}

Test(ring_wait, a_few_events_are_not_worth_coming_back_for)
{
    struct ring ring = full_ring(memory_session_create(1 << 20));
    pthread_t reader;
    cr_assert_eq(pthread_create(&reader, NULL, read_slowly, ring.place), 0);
    cr_assert_eq(ring_wait(&ring, &control), RING_WAIT_CLOSED);
    pthread_join(reader, NULL);
}

static void *close_soon(void *argument)
{
    (void)argument;
    usleep(5000);
    control.recorder_state = SESSION_RECORDER_CLOSED;
    return NULL;
}

/* ring_push() would refuse it, and the hook would ask again, for ever. */
Test(ring_wait, a_head_ahead_of_the_tail_is_no_room)
{
    struct ring ring = full_ring(memory_session_create(1 << 20));
    pthread_t closer;
    ring.place->ring_head = ring.place->ring_tail + 1;
    pthread_create(&closer, NULL, close_soon, NULL);
    cr_assert_eq(ring_wait(&ring, &control), RING_WAIT_CLOSED);
    pthread_join(closer, NULL);
}

Test(ring_wait, a_silent_recorder_ends_all_waiting_for_good)
{
    struct ring ring = full_ring(memory_session_create(1 << 20));
    uint64_t start = clock_monotonic_ns();
    cr_assert_eq(ring_wait(&ring, &control), RING_WAIT_NEVER);
    uint64_t waited = clock_monotonic_ns() - start;
    cr_assert_gt(waited, 1900000000U);
    cr_assert_lt(waited, 4000000000U);
    start = clock_monotonic_ns();
    cr_assert_eq(ring_wait(&ring, &control), RING_WAIT_NEVER);
    cr_assert_lt(clock_monotonic_ns() - start, 100000000U);
}
