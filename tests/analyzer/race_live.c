/*
 * The recorder's side of a session while its hosts write, for ThreadSanitizer: three threads push
 * events, count rows and add nodes as session.h says, the heart beats, and the main thread reads.
 * Every event arrives once and whole, each thread's in order, with a path that leads to its root.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "live/live_beat.h"
#include "live/live_counts.h"
#include "live/live_order.h"
#include "live/live_paths.h"
#include "session_image.h"

enum { THREADS = 3, EVENTS = 20000, NODES = 300, DEPTH_MAX = 3 };

static struct session_image *image;
static struct profile *profile;
static uint64_t wrong;

/* One node under the last one; its id is published with the event that names it. */
static uint32_t add_node(uint32_t *ids, uint32_t count)
{
    uint32_t id = atomic_fetch_add_explicit(&image->head->node_count, 1, memory_order_relaxed);
    uint32_t parent = count % DEPTH_MAX == 0 ? 0 : ids[count - 1];
    image->nodes[id] = (struct session_node){.addr = 0x10000 + id, .parent = parent};
    ids[count] = id;
    return id;
}

static void push(uint32_t slot, uint64_t number, uint32_t path)
{
    struct session_thread *thread = image->threads[slot];
    uint64_t tail = atomic_load_explicit(&thread->ring_tail, memory_order_relaxed);
    /* Acquire; pairs with the reader's release of the head. */
    while (tail - atomic_load_explicit(&thread->ring_head, memory_order_acquire) >=
           IMAGE_RING_EVENTS) {
        sched_yield();
    }
    image->rings[slot][tail % IMAGE_RING_EVENTS] =
        (struct session_event){number, ~number & SESSION_LOW48, number * 3 & SESSION_LOW48, path};
    /* Release; pairs with the acquire in read_tail(). */
    atomic_store_explicit(&thread->ring_tail, tail + 1, memory_order_release);
}

static void *produce(void *argument)
{
    uint32_t slot = (uint32_t)(uintptr_t)argument;
    struct session_thread *thread = image->threads[slot];
    uint32_t ids[NODES];
    uint32_t node_count = 0;
    for (uint64_t i = 0; i < EVENTS; i++) {
        uint32_t path = i % (EVENTS / NODES) == 0 && node_count < NODES
                            ? add_node(ids, node_count++)
                            : ids[i % node_count];
        struct session_row *row = &image->rows[slot][0];
        if (i == 0) {
            row->path = path;
            row->call = CALL_MALLOC;
            /* Release; pairs with the acquire in visit_rows(): the row's name before the row. */
            atomic_store_explicit(&thread->row_count, 1, memory_order_release);
        }
        atomic_store_explicit(&row->calls, i + 1, memory_order_relaxed);
        atomic_store_explicit(&row->allocs, i + 1, memory_order_relaxed);
        push(slot, i, path);
    }
    return NULL;
}

static uint64_t next[THREADS];

static void take(void *context, struct live_ring *ring, const struct session_event *events,
                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = next[ring->slot]++;
        uint32_t path = live_path(context, profile, session_event_path(&events[i]));
        uint32_t depth = profile->paths.at[path].depth;
        wrong += events[i].stamp_ns != number || events[i].word1 != (~number & SESSION_LOW48) ||
                 events[i].word2 != (number * 3 & SESSION_LOW48) || depth == 0 || depth > DEPTH_MAX;
    }
    /* Release; pairs with push()'s acquire: the events are read, the producer may overwrite them.
     */
    atomic_store_explicit(&ring->place->ring_head, ring->head, memory_order_release);
}

static void read_all(struct live_session *session)
{
    struct live_order order = {0};
    struct live_counts counts = {0};
    for (uint64_t seen = 0, rounds = 0; seen < THREADS * EVENTS; rounds++) {
        live_session_refresh(session);
        for (uint32_t i = 0; i < session->ring_count; i++) {
            live_order_add(&order, &session->rings[i], UINT64_MAX);
        }
        seen += live_order_merge(&order, take, session);
        if (rounds % 64 == 0) {
            live_counts_apply(&counts, profile, &session, 1);
            wrong += profile->totals.allocs > THREADS * EVENTS;
        }
        sched_yield();
    }
    live_order_finish(&order);
    live_counts_finish(&counts);
}

int main(void)
{
    static struct session_control control;
    struct live_dir dir = {.control = &control, .fd = -1, .notify_fd = -1};
    struct live_beat beat = {0};
    image = session_image_create(1, 1, 1000);
    profile = profile_create();
    (void)MEM_PUSH(&profile->processes);
    struct live_session session = {.map = image->bytes,
                                   .limit_bytes = image->size_bytes,
                                   .head = image->head,
                                   .rings = mem_zero(SESSION_THREADS_MAX, sizeof(struct live_ring)),
                                   .pid_fd = -1};
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        if (i > 0) {
            session_image_thread(image, (uint32_t)i + 1);
        }
    }
    live_beat_start(&beat, &dir);
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, produce, (void *)i);
    }
    read_all(&session);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    live_beat_stop(&beat);
    struct live_counts counts = {0};
    struct live_session *sessions[] = {&session};
    live_counts_apply(&counts, profile, sessions, 1);
    bool is_whole = profile->totals.allocs == THREADS * EVENTS && control.beat_ns != 0;
    printf("%llu allocations, %llu events wrong\n", (unsigned long long)profile->totals.allocs,
           (unsigned long long)wrong);
    free(session.rings);
    free(session.path_of_node);
    profile_destroy(profile);
    session_image_destroy(image);
    return wrong == 0 && is_whole ? 0 : 1;
}
