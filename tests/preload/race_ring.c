/* A producer and a consumer at once, for ThreadSanitizer: every event arrives, whole, in order. */
#include "link_session.h"
#include "memory_session.h"
#include "ring_spsc.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { RING_EVENTS = 64, EVENTS = 200000 };

static struct ring ring;

static void *produce(void *argument)
{
    for (uint64_t i = 0; i < EVENTS; i++) {
        struct session_event event = {i, ~i, i * 3, i ^ 7};
        while (!ring_push(&ring, &event, 1)) {
            sched_yield();
        }
    }
    return argument;
}

/* As the recorder reads: tail by acquire, events, head by release. */
static uint64_t consume(void)
{
    uint64_t head = 0;
    uint64_t wrong = 0;
    while (head < EVENTS) {
        uint64_t tail = atomic_load_explicit(&ring.place->ring_tail, memory_order_acquire);
        for (; head < tail; head++) {
            struct session_event event = ring.events[head & ring.mask];
            wrong += event.stamp_ns != head || event.word1 != ~head || event.word2 != head * 3 ||
                     event.word3 != (head ^ 7);
        }
        atomic_store_explicit(&ring.place->ring_head, head, memory_order_release);
        sched_yield();
    }
    return wrong;
}

int main(void)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct session_thread *place = link_at(head, link_alloc(head, sizeof *place));
    place->ring_off = link_alloc(head, RING_EVENTS * sizeof(struct session_event));
    place->ring_events = RING_EVENTS;
    ring_init(&ring, head, place);
    pthread_t producer;
    pthread_create(&producer, NULL, produce, NULL);
    uint64_t wrong = consume();
    pthread_join(producer, NULL);
    printf("%d events, %llu wrong\n", EVENTS, (unsigned long long)wrong);
    free(head);
    return wrong == 0 ? 0 : 1;
}
