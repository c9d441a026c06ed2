#include "link_session.h"
#include "memory_session.h"
#include "ring_pool.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static void *claim(void *argument)
{
    bool is_adopted;
    return ring_pool_claim(argument, &is_adopted);
}

/* In a thread that is gone: the kernel counts one that was joined for a moment yet. */
static struct session_thread *claim_in_thread(struct session_head *head)
{
    pthread_t thread;
    void *place = NULL;
    cr_assert_eq(pthread_create(&thread, NULL, claim, head), 0);
    pthread_join(thread, &place);
    cr_assert_not_null(place);
    uint32_t tid = ((struct session_thread *)place)->tid;
    while (tgkill(getpid(), (pid_t)tid, 0) == 0) {
        usleep(100);
    }
    return place;
}

Test(ring_pool, the_place_of_a_thread_that_is_gone_is_taken_over)
{
    struct session_head *head = memory_session_create(16 << 20);
    head->pid = (uint32_t)getpid();
    bool is_adopted = true;
    struct session_thread *own = ring_pool_claim(head, &is_adopted);
    cr_assert_not(is_adopted);
    cr_assert_eq(own->tid, (uint32_t)gettid());
    const struct session_thread *first = claim_in_thread(head);
    const struct session_thread *second = claim_in_thread(head);
    cr_assert_neq(first, own);
    cr_assert_eq(first, second);
    cr_assert_eq(second->generation, 1);
    cr_assert_eq(head->thread_count, 2);
    free(head);
}

Test(ring_pool, a_small_session_has_a_small_ring)
{
    struct session_head *head = memory_session_create(1 << 20);
    head->pid = (uint32_t)getpid();
    bool is_adopted;
    struct session_thread *place = ring_pool_claim(head, &is_adopted);
    cr_assert_neq(place->ring_off, 0);
    cr_assert_eq(place->ring_events, (1 << 20) / 16 / sizeof(struct session_event));
    free(head);
}

Test(ring_pool, a_process_that_only_shares_our_memory_gets_no_place)
{
    struct session_head *head = memory_session_create(16 << 20);
    head->pid = (uint32_t)getpid() + 1;
    bool is_adopted;
    cr_assert_null(ring_pool_claim(head, &is_adopted));
    free(head);
}

Test(ring_pool, without_memory_for_a_ring_a_place_counts_all_the_same)
{
    struct session_head *head = memory_session_create(64 << 10);
    head->pid = (uint32_t)getpid();
    head->module_off = head->used_bytes + sizeof(struct session_thread) + 1024;
    bool is_adopted;
    struct session_thread *place = ring_pool_claim(head, &is_adopted);
    cr_assert_not_null(place);
    cr_assert_eq(place->ring_off, 0);
    free(head);
}
