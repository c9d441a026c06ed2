#include "live/live_order.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { RINGS = 5, EVENTS = 64, SEEN_MAX = 8192 };

struct seen {
    uint64_t stamps[SEEN_MAX];
    uint32_t slots[SEEN_MAX];
    size_t count;
    size_t longest_run;
};

static struct session_event events[RINGS][EVENTS];
static struct live_ring rings[RINGS];
static struct seen seen;
static struct live_order order;

static void see(void *context, struct live_ring *ring, const struct session_event *run,
                size_t count)
{
    struct seen *to = context;
    to->longest_run = count > to->longest_run ? count : to->longest_run;
    for (size_t i = 0; i < count; i++) {
        to->stamps[to->count] = run[i].stamp_ns;
        to->slots[to->count++] = ring->slot;
    }
}

static void begin(void)
{
    memset(&seen, 0, sizeof seen);
    for (uint32_t i = 0; i < RINGS; i++) {
        rings[i] = (struct live_ring){.events = events[i], .mask = EVENTS - 1, .slot = i};
    }
}

static void end(void)
{
    live_order_finish(&order);
}

static void put(uint32_t slot, uint64_t stamp_ns)
{
    events[slot][rings[slot].tail++ & (EVENTS - 1)].stamp_ns = stamp_ns;
}

static uint64_t merge(uint64_t horizon_ns)
{
    for (uint32_t i = 0; i < RINGS; i++) {
        live_order_add(&order, &rings[i], horizon_ns);
    }
    return live_order_merge(&order, see, &seen);
}

TestSuite(live_order, .init = begin, .fini = end);

Test(live_order, events_of_all_rings_come_in_the_order_of_their_stamps)
{
    static const uint64_t stamps[RINGS][4] = {
        {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15}, {4, 8, 12, 16}, {0, 20, 21, 22}};
    for (uint32_t i = 0; i < RINGS; i++) {
        for (int k = 0; k < 4; k++) {
            put(i, stamps[i][k]);
        }
    }
    cr_assert_eq(merge(UINT64_MAX), 20);
    cr_assert_eq(seen.count, 20);
    for (size_t i = 1; i < seen.count; i++) {
        cr_assert_lt(seen.stamps[i - 1], seen.stamps[i]);
    }
    cr_assert_eq(merge(UINT64_MAX), 0, "what was passed on does not come again");
}

Test(live_order, what_is_younger_than_the_horizon_stays_in_its_ring)
{
    put(0, 10);
    put(0, 30);
    put(1, 20);
    put(2, 40);
    cr_assert_eq(merge(25), 2);
    cr_assert_eq(seen.stamps[1], 20);
    cr_assert_eq(rings[0].head, 1);
    cr_assert_eq(rings[2].head, 0);
    put(1, 35);
    cr_assert_eq(merge(UINT64_MAX), 3);
    cr_assert_eq(seen.stamps[2], 30);
    cr_assert_eq(seen.stamps[3], 35);
    cr_assert_eq(seen.stamps[4], 40);
}

Test(live_order, a_ring_is_read_across_its_end)
{
    rings[0].head = rings[0].tail = EVENTS - 3;
    for (uint64_t i = 0; i < 10; i++) {
        put(0, 100 + i);
    }
    cr_assert_eq(merge(UINT64_MAX), 10);
    for (uint64_t i = 0; i < 10; i++) {
        cr_assert_eq(seen.stamps[i], 100 + i);
    }
    cr_assert_eq(rings[0].head, EVENTS + 7);
    cr_assert_eq(seen.longest_run, 7, "a run does not cross the end: 3 before, 7 after it");
}

Test(live_order, a_ring_that_is_not_in_order_itself_is_still_read_whole)
{
    static const uint64_t stamps[] = {50, 10, 60, 5, 70};
    for (size_t i = 0; i < 5; i++) {
        put(0, stamps[i]);
    }
    put(1, 55);
    put(1, 65);
    cr_assert_eq(merge(UINT64_MAX), 7);
    cr_assert_eq(rings[0].head, 5);
    cr_assert_eq(rings[1].head, 2);
}

Test(live_order, rings_without_events_and_without_memory_are_left_out)
{
    rings[1].events = NULL;
    rings[1].tail = 3;
    cr_assert_eq(merge(UINT64_MAX), 0);
    cr_assert_not(live_order_is_pressed(&rings[1]));
}

Test(live_order, a_ring_is_pressed_when_more_than_half_is_unread)
{
    for (int i = 0; i < EVENTS / 2; i++) {
        put(0, 1);
    }
    cr_assert_not(live_order_is_pressed(&rings[0]));
    put(0, 1);
    cr_assert(live_order_is_pressed(&rings[0]));
}

/* Rings that are in order each give a stream in order, whatever was held back in between. */
Test(live_order, random_rings_in_several_passes_give_one_ordered_stream)
{
    uint64_t stamps[RINGS] = {0};
    uint64_t passed = 0;
    uint64_t put_in = 0;
    srand(7);
    for (uint64_t round = 1; round <= 60; round++) {
        for (uint32_t i = 0; i < RINGS; i++) {
            for (int k = rand() % 12; k > 0 && rings[i].tail - rings[i].head < EVENTS; k--) {
                uint64_t least = (round - 1) * 1000; /* older ones would come after the horizon */
                stamps[i] = stamps[i] < least ? least : stamps[i];
                stamps[i] += (uint64_t)rand() % 80;
                put(i, stamps[i]);
                put_in++;
            }
        }
        passed += merge((round - 1) * 1000 + 999 < stamps[0] ? 0 : (round - 1) * 1000);
    }
    passed += merge(UINT64_MAX);
    cr_assert_eq(passed, put_in);
    cr_assert_gt(put_in, 1000);
    for (size_t i = 1; i < seen.count; i++) {
        cr_assert_leq(seen.stamps[i - 1], seen.stamps[i]);
    }
}
