#include "ring_pool.h"

#include "base_mem.h"
#include "base_sys.h"
#include "link_session.h"
#include "ring_spsc.h"

#include <errno.h>

enum {
    RING_EVENTS_MIN = 256,
    RING_SHARE = 16 /* a ring takes at most one part in so many of a small session */
};

static uint32_t own_tid(void)
{
    return (uint32_t)sys_call3(SYS_gettid, 0, 0, 0);
}

/* A place that bears our own tid is left over from a thread that had it before us. */
static bool is_gone(const struct session_head *head, uint32_t tid, uint32_t own)
{
    return tid == own || sys_call3(SYS_tgkill, head->pid, tid, 0) == -ESRCH;
}

static struct session_thread *adopt(struct session_head *head, uint32_t own)
{
    /* Acquire; pairs with the release in append(). */
    uint32_t count = atomic_load_explicit(&head->thread_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        struct session_thread *place =
            link_at(head, atomic_load_explicit(&head->thread_off[i], memory_order_acquire));
        uint32_t tid = atomic_load_explicit(&place->tid, memory_order_acquire);
        /* Acquire: what the dead owner wrote; its end happened before tgkill's answer. */
        if (is_gone(head, tid, own) &&
            atomic_compare_exchange_strong_explicit(&place->tid, &tid, own, memory_order_acq_rel,
                                                    memory_order_relaxed)) {
            atomic_fetch_add_explicit(&place->generation, 1, memory_order_relaxed);
            return place;
        }
    }
    return NULL;
}

/* Enters a filled place into the list; its number, or SESSION_THREADS_MAX when the list is full. */
static uint32_t append(struct session_head *head, uint64_t off)
{
    for (;;) {
        uint32_t count = atomic_load_explicit(&head->thread_count, memory_order_acquire);
        if (count >= SESSION_THREADS_MAX) {
            return SESSION_THREADS_MAX;
        }
        uint64_t none = 0;
        bool is_ours = atomic_compare_exchange_strong_explicit(
            &head->thread_off[count], &none, off, memory_order_acq_rel, memory_order_acquire);
        uint32_t expected = count;
        /* Release; pairs with the recorder's acquire: offsets below the count are set. Whoever
         * lost the offset helps the winner to count it. */
        (void)atomic_compare_exchange_strong_explicit(&head->thread_count, &expected, count + 1,
                                                      memory_order_acq_rel, memory_order_relaxed);
        if (is_ours) {
            return count;
        }
    }
}

static void give_ring(struct session_head *head, struct session_thread *place, uint32_t index)
{
    uint32_t events = ring_size_for(index);
    while (events > RING_EVENTS_MIN &&
           events * sizeof(struct session_event) > head->map_bytes / RING_SHARE) {
        events /= 2;
    }
    uint64_t off = link_reserve(head, (uint64_t)events * sizeof(struct session_event));
    atomic_store_explicit(&place->ring_events, off == 0 ? 0 : events, memory_order_relaxed);
    /* Release; pairs with the recorder's acquire: the size before the ring. */
    atomic_store_explicit(&place->ring_off, off, memory_order_release);
}

static struct session_thread *create(struct session_head *head, uint32_t own)
{
    if (atomic_load_explicit(&head->thread_count, memory_order_relaxed) >= SESSION_THREADS_MAX) {
        return NULL;
    }
    uint64_t off = link_alloc(head, sizeof(struct session_thread));
    if (off == 0) {
        return NULL;
    }
    struct session_thread *place = link_at(head, off);
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        place->rest[call].call = (uint8_t)call;
    }
    atomic_store_explicit(&place->tid, own, memory_order_relaxed);
    uint32_t index = append(head, off);
    if (index == SESSION_THREADS_MAX) {
        return NULL;
    }
    give_ring(head, place, index);
    (void)mem_populate(place, sizeof *place);
    return place;
}

struct session_thread *ring_pool_claim(struct session_head *head, bool *ret_is_adopted)
{
    /* A vfork child runs on its parent's memory and thread-local storage with a tid that will soon
     * be gone: a place in its name would have two owners. */
    if (sys_pid() != head->pid) {
        return NULL;
    }
    uint32_t own = own_tid();
    struct session_thread *place = adopt(head, own);
    *ret_is_adopted = place != NULL;
    return place != NULL ? place : create(head, own);
}
