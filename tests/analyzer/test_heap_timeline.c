#include "heap/heap_timeline.h"

#include <criterion/criterion.h>

enum { MS = 1000000 };

Test(heap_timeline, bins_double_in_width_and_keep_their_sums)
{
    struct heap_timeline t;
    heap_timeline_init(&t);
    for (uint64_t ms = 0; ms < 2000; ms++) {
        heap_timeline_bin(&t, ms * MS)->allocs += 1;
    }
    cr_assert_eq(t.bin_ns, 4 * MS);
    cr_assert_eq(t.bin_count, 500);
    for (uint32_t i = 0; i < t.bin_count; i++) {
        cr_assert_eq(t.bins[i].allocs, 4);
    }
    heap_timeline_finish(&t);
}

Test(heap_timeline, a_quiet_bin_carries_what_is_live)
{
    struct heap_timeline t;
    heap_timeline_init(&t);
    (void)heap_timeline_bin(&t, 0);
    heap_timeline_live(&t, 100, 2);
    heap_timeline_live(&t, 60, 1);
    (void)heap_timeline_bin(&t, 3 * MS);
    heap_timeline_live(&t, 10, 1);
    cr_assert_eq(t.bins[0].live_bytes, 100, "the highest within the bin");
    cr_assert_eq(t.bins[0].live_blocks, 2);
    cr_assert_eq(t.bins[1].live_bytes, 60);
    cr_assert_eq(t.bins[2].live_bytes, 60);
    cr_assert_eq(t.bins[3].live_bytes, 60, "it was so when the bin began");
    heap_timeline_finish(&t);
}

Test(heap_timeline, an_earlier_time_finds_its_bin)
{
    struct heap_timeline t;
    heap_timeline_init(&t);
    (void)heap_timeline_bin(&t, 9 * MS);
    heap_timeline_bin(&t, 2 * MS)->frees += 1;
    heap_timeline_bin(&t, 9 * MS)->frees += 5;
    cr_assert_eq(t.bins[2].frees, 1);
    cr_assert_eq(t.bins[9].frees, 5);
    heap_timeline_finish(&t);
}

Test(heap_timeline, the_end_of_time_is_a_bin_too)
{
    struct heap_timeline t;
    heap_timeline_init(&t);
    heap_timeline_bin(&t, 0)->allocs = 1;
    heap_timeline_bin(&t, UINT64_MAX)->allocs += 1;
    cr_assert_leq(t.bin_count, PROFILE_TIMELINE_BINS);
    cr_assert_eq(t.bins[0].allocs, 1);
    cr_assert_eq(t.bins[t.bin_count - 1].allocs, 1);
    heap_timeline_finish(&t);
}

Test(heap_timeline, samples_keep_the_highest_and_carry_on)
{
    struct heap_timeline t;
    heap_timeline_init(&t);
    heap_timeline_sample(&t, 0, 500, 3);
    heap_timeline_sample(&t, 1, 400, 4);
    heap_timeline_sample(&t, 2 * MS, 300, 0);
    cr_assert_eq(t.bins[0].rss_bytes, 500);
    cr_assert_eq(t.bins[0].faults, 7);
    cr_assert_eq(t.bins[1].rss_bytes, 400);
    heap_timeline_finish(&t);
}
