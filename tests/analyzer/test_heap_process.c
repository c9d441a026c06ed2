#include "heap/heap_process.h"

#include <criterion/criterion.h>
#include <string.h>

/* A thread's id is its slot, and above it who of the slot's owners it is. */
enum { SLOT = 5, GENERATION = 1 << 12, LAST_SLOT = GENERATION - 1 };
#define LAST_OWNER (UINT32_MAX - LAST_SLOT + SLOT)

static struct heap_process process;

static void end(void)
{
    heap_process_finish(&process);
}

TestSuite(heap_process, .fini = end);

static void park(uint64_t addr, bool is_alloc)
{
    struct heap_late_event event = {.event = {.addr = addr, .time_ns = 10}, .is_alloc = is_alloc};
    heap_late_park(&process.late, &event);
}

Test(heap_process, one_not_seen_yet_has_no_totals_and_no_threads)
{
    struct profile_totals none = {0};
    struct profile_totals totals = heap_process_totals(&process);
    cr_assert_eq(memcmp(&totals, &none, sizeof none), 0);
    cr_assert_null(heap_process_known_thread(&process, 0));
    cr_assert_null(heap_process_known_thread(&process, UINT32_MAX));
    heap_process_finish(&process); /* nor anything to free */
}

Test(heap_process, its_address_space_is_empty_and_its_own)
{
    struct heap_process other = {0};
    heap_process_begin(&process);
    heap_process_begin(&other);
    cr_assert(process.is_begun);
    uint32_t hash = heap_blocks_hash(&process.blocks, 64);
    uint32_t other_hash = heap_blocks_hash(&other.blocks, 64);
    cr_assert_null(heap_blocks_find(&process.blocks, 64, hash).block);
    *heap_blocks_put(&process.blocks, 64, hash) = (struct heap_block){.addr = 64};
    cr_assert_not_null(heap_blocks_find(&process.blocks, 64, hash).block);
    cr_assert_null(heap_blocks_find(&other.blocks, 64, other_hash).block);
    heap_process_finish(&other);
}

Test(heap_process, a_thread_keeps_its_state)
{
    cr_assert_null(heap_process_owner(&process, SLOT));
    heap_process_thread(&process, SLOT)->last_bytes = 100;
    heap_process_thread(&process, SLOT + 1)->last_bytes = 200;
    heap_process_thread(&process, 0)->last_bytes = 300;
    cr_assert_eq(heap_process_thread(&process, SLOT)->last_bytes, 100);
    cr_assert_eq(heap_process_known_thread(&process, SLOT + 1)->last_bytes, 200);
    cr_assert_eq(heap_process_known_thread(&process, 0)->last_bytes, 300);
    cr_assert_eq(heap_process_thread(&process, SLOT)->id, SLOT);
}

Test(heap_process, a_slot_below_a_known_one_has_no_owner_yet)
{
    (void)heap_process_thread(&process, SLOT);
    cr_assert_null(heap_process_known_thread(&process, SLOT - 1));
    cr_assert_null(heap_process_known_thread(&process, SLOT + 1));
    cr_assert_null(heap_process_known_thread(&process, SLOT + GENERATION));
}

Test(heap_process, a_new_owner_of_a_slot_starts_afresh_and_the_old_one_is_gone)
{
    struct heap_thread *first = heap_process_thread(&process, SLOT);
    first->has_last = true;
    first->may_inherit = true;
    first->is_in_realloc = true;
    first->old_chain = 7;
    first->frees_in_a_row = 63;
    (void)heap_process_thread(&process, SLOT + 1);
    cr_assert(heap_process_owner(&process, SLOT + GENERATION)->is_in_realloc, "the first's");
    struct heap_thread *second = heap_process_thread(&process, SLOT + GENERATION);
    cr_assert_eq(second->id, SLOT + GENERATION);
    cr_assert_not(second->has_last || second->may_inherit || second->is_in_realloc);
    cr_assert_eq(second->old_chain, 0);
    cr_assert_eq(second->frees_in_a_row, 0);
    cr_assert_null(heap_process_known_thread(&process, SLOT));
    cr_assert_eq(heap_process_known_thread(&process, SLOT + GENERATION), second);
    cr_assert_not_null(heap_process_known_thread(&process, SLOT + 1), "another slot's stays");
    second->has_last = true;
    cr_assert_not(heap_process_thread(&process, SLOT)->has_last, "an old id is a new owner too");
}

Test(heap_process, the_last_slot_and_the_last_owner_have_their_places)
{
    heap_process_thread(&process, LAST_OWNER)->last_bytes = 1;
    heap_process_thread(&process, UINT32_MAX)->last_bytes = 2;
    for (uint32_t bit = 1; bit < GENERATION; bit *= 2) {
        heap_process_thread(&process, SLOT ^ bit)->last_bytes = 3 + bit;
    }
    for (uint32_t bit = 1; bit < GENERATION; bit *= 2) {
        cr_assert_eq(heap_process_known_thread(&process, SLOT ^ bit)->last_bytes, 3 + bit);
    }
    cr_assert_eq(heap_process_known_thread(&process, LAST_OWNER)->last_bytes, 1);
    cr_assert_eq(heap_process_known_thread(&process, UINT32_MAX)->last_bytes, 2);
    cr_assert_null(heap_process_known_thread(&process, LAST_SLOT));
    cr_assert_leq(process.threads.count, GENERATION, "owners share their slot's place");
}

Test(heap_process, its_peak_is_the_first_highest_and_has_the_blocks_of_that_moment)
{
    heap_process_live_more(&process, 100, 10);
    heap_process_live_more(&process, 50, 20);
    heap_process_live_less(&process, 100);
    heap_process_live_more(&process, 40, 30);
    heap_process_live_more(&process, 60, 40); /* 150 again, in three blocks */
    heap_process_live_more(&process, 0, 50);
    cr_assert_eq(process.totals.live_bytes, 150);
    cr_assert_eq(process.totals.live_blocks, 4);
    cr_assert_eq(process.totals.peak_bytes, 150);
    cr_assert_eq(process.totals.peak_blocks, 2);
    cr_assert_eq(process.totals.peak_at_ns, 20);
    heap_process_live_more(&process, 1, 60);
    cr_assert_eq(process.totals.peak_bytes, 151);
    cr_assert_eq(process.totals.peak_blocks, 5);
    cr_assert_eq(process.totals.peak_at_ns, 60);
}

Test(heap_process, blocks_of_the_largest_size_add_up)
{
    heap_process_live_more(&process, SESSION_LOW48, 10);
    heap_process_live_more(&process, SESSION_LOW48, 20);
    cr_assert_eq(process.totals.peak_bytes, 2 * SESSION_LOW48);
    heap_process_live_less(&process, SESSION_LOW48);
    heap_process_live_less(&process, SESSION_LOW48);
    cr_assert_eq(process.totals.live_bytes, 0);
    cr_assert_eq(process.totals.live_blocks, 0);
    cr_assert_eq(process.totals.peak_bytes, 2 * SESSION_LOW48);
}

Test(heap_process, its_totals_hold_what_was_live_at_its_end_and_frees_that_still_wait)
{
    heap_process_live_more(&process, 30, 10);
    process.totals.allocs = 9;
    process.totals.unknown_frees = 2;
    process.ended_bytes = 500;
    process.ended_blocks = 4;
    park(64, false);
    park(64, false);
    park(128, false);
    park(192, true); /* is no free */
    struct profile_totals totals = heap_process_totals(&process);
    cr_assert_eq(totals.allocs, 9);
    cr_assert_eq(totals.live_bytes, 530);
    cr_assert_eq(totals.live_blocks, 5);
    cr_assert_eq(totals.peak_bytes, 30);
    cr_assert_eq(totals.unknown_frees, 5);
    struct profile_totals again = heap_process_totals(&process);
    cr_assert_eq(memcmp(&again, &totals, sizeof totals), 0, "asking changes nothing");
}

Test(heap_process, finished_it_is_one_not_seen_yet)
{
    heap_process_begin(&process);
    uint32_t hash = heap_blocks_hash(&process.blocks, 64);
    *heap_blocks_put(&process.blocks, 64, hash) = (struct heap_block){.addr = 64};
    (void)heap_process_thread(&process, SLOT);
    heap_process_live_more(&process, 30, 10);
    process.ended_bytes = 500;
    park(128, false);
    heap_process_finish(&process);
    struct profile_totals none = {0};
    struct profile_totals totals = heap_process_totals(&process);
    cr_assert_eq(memcmp(&totals, &none, sizeof none), 0);
    cr_assert_not(process.is_begun);
    cr_assert_null(heap_process_known_thread(&process, SLOT));
    heap_process_begin(&process);
    hash = heap_blocks_hash(&process.blocks, 64);
    cr_assert_null(heap_blocks_find(&process.blocks, 64, hash).block);
}
