#include "heap/heap_late.h"

#include <criterion/criterion.h>

static struct heap_late late;

static void park(uint64_t addr, uint64_t time_ns, bool is_alloc, uint64_t parked_ns)
{
    heap_late_park(&late, &(struct heap_late_event){.event = {.addr = addr, .time_ns = time_ns},
                                                    .is_alloc = is_alloc,
                                                    .parked_ns = parked_ns});
}

static void end(void)
{
    heap_late_finish(&late);
}

TestSuite(heap_late, .fini = end);

Test(heap_late, a_free_is_found_by_its_address_and_time)
{
    struct heap_late_event found;
    park(0x10, 100, false, 1);
    park(0x10, 200, false, 2);
    park(0x20, 150, false, 3);
    cr_assert_eq(heap_late_frees(&late), 3);
    cr_assert_not(heap_late_take_free(&late, 0x30, 0, &found));
    cr_assert_not(heap_late_take_free(&late, 0x10, 201, &found), "it was before");
    cr_assert(heap_late_take_free(&late, 0x10, 50, &found));
    cr_assert_eq(found.event.time_ns, 100, "the earliest");
    cr_assert(heap_late_take_free(&late, 0x10, 50, &found));
    cr_assert_eq(found.event.time_ns, 200);
    cr_assert_not(heap_late_take_free(&late, 0x10, 50, &found), "each once");
    cr_assert_eq(heap_late_frees(&late), 1);
}

Test(heap_late, allocations_are_no_frees)
{
    struct heap_late_event found;
    park(0x10, 100, true, 1);
    cr_assert_eq(heap_late_frees(&late), 0);
    cr_assert_not(heap_late_take_free(&late, 0x10, 0, &found));
    cr_assert_not(heap_late_take_alloc(&late, 0x10, 101, &found));
    cr_assert(heap_late_take_alloc(&late, 0x10, 100, &found));
    cr_assert_eq(late.waiting, 0);
}

Test(heap_late, the_allocation_nearest_before_is_found_and_stays_until_released)
{
    park(0x10, 100, true, 1);
    park(0x10, 300, true, 1);
    park(0x10, 500, true, 1);
    struct heap_late_event *found = heap_late_alloc(&late, 0x10, 50, 400);
    cr_assert_not_null(found);
    cr_assert_eq(found->event.time_ns, 300);
    cr_assert_eq(heap_late_alloc(&late, 0x10, 50, 400), found);
    heap_late_release(&late, found);
    found = heap_late_alloc(&late, 0x10, 50, 400);
    cr_assert_eq(found->event.time_ns, 100);
    cr_assert_null(heap_late_alloc(&late, 0x10, 101, 400));
}

Test(heap_late, the_oldest_is_given_up_first_and_only_when_old_enough)
{
    struct heap_late_event found;
    park(0x10, 900, false, 10);
    park(0x20, 800, false, 20);
    cr_assert_not(heap_late_take_oldest(&late, 10, &found));
    cr_assert(heap_late_take_oldest(&late, 11, &found));
    cr_assert_eq(found.event.addr, 0x10);
    cr_assert(heap_late_take_oldest(&late, UINT64_MAX, &found));
    cr_assert_eq(found.event.addr, 0x20);
    cr_assert_not(heap_late_take_oldest(&late, UINT64_MAX, &found));
}

Test(heap_late, it_is_full_at_its_limit_and_places_are_used_again)
{
    struct heap_late_event found;
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < HEAP_LATE_MAX; i++) {
            cr_assert_not(heap_late_is_full(&late));
            park(16 * i, i, i % 2 == 0, i);
        }
        cr_assert(heap_late_is_full(&late));
        cr_assert_eq(heap_late_frees(&late), HEAP_LATE_MAX / 2);
        for (uint64_t i = 0; i < HEAP_LATE_MAX; i++) {
            cr_assert(heap_late_take_oldest(&late, UINT64_MAX, &found));
            cr_assert_eq(found.event.addr, 16 * i);
        }
        cr_assert_eq(late.waiting, 0);
    }
}

Test(heap_late, nothing_parked_finds_nothing)
{
    struct heap_late_event found;
    cr_assert_not(heap_late_is_full(&late));
    cr_assert_not(heap_late_take_oldest(&late, UINT64_MAX, &found));
    cr_assert_not(heap_late_take_free(&late, 1, 0, &found));
    cr_assert_null(heap_late_alloc(&late, 1, 0, UINT64_MAX));
}
