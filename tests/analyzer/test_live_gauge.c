#include "live/live_gauge.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 4096 };

Test(live_gauge, what_is_written_is_read)
{
    struct live_dir dir = {.control = aligned_alloc(PAGE_BYTES, PAGE_BYTES)};
    memset(dir.control, 0, PAGE_BYTES);
    cr_assert_eq(live_gauge_read(&dir).told_ns, 0, "an older recorder tells nothing");
    live_gauge_write(&dir, &(struct live_gauge){1, 2, 3, 4, UINT64_MAX});
    struct live_gauge gauge = live_gauge_read(&dir);
    cr_assert_eq(gauge.told_ns, 1);
    cr_assert_eq(gauge.live_bytes, 2);
    cr_assert_eq(gauge.live_blocks, 3);
    cr_assert_eq(gauge.peak_bytes, 4);
    cr_assert_eq(gauge.resident_bytes, UINT64_MAX);
    free(dir.control);
}

Test(live_gauge, what_hosts_read_stays_as_it_was)
{
    struct live_dir dir = {.control = aligned_alloc(PAGE_BYTES, PAGE_BYTES)};
    unsigned char before[sizeof(struct session_control)];
    memset(dir.control, 0x5a, PAGE_BYTES);
    memcpy(before, dir.control, sizeof before);
    live_gauge_write(&dir, &(struct live_gauge){1, 2, 3, 4, 5});
    cr_assert_eq(memcmp(before, dir.control, sizeof before), 0);
    free(dir.control);
}
