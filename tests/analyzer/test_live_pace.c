#include "live/live_pace.h"

#include <criterion/criterion.h>

enum { RING = 32768, MS = 1000000 };

static struct live_pace pace;

/* A look `since_ns` after the one before, that finds so many new events in a ring of that size. */
static void look(uint64_t since_ns, uint64_t size, uint64_t arrived)
{
    const struct live_ring ring = {.mask = size - 1, .arrived = arrived};
    live_pace_look(&pace, pace.looked_ns + since_ns);
    live_pace_see(&pace, &ring);
}

Test(live_pace, a_pass_that_found_many_is_followed_by_another_at_once)
{
    cr_assert_eq(live_pace_nap_ns(&pace, LIVE_PACE_BUSY), 0);
    cr_assert_neq(live_pace_nap_ns(&pace, LIVE_PACE_BUSY - 1), 0);
}

Test(live_pace, where_nothing_comes_naps_grow_to_a_bound)
{
    cr_assert_eq(live_pace_nap_ns(&pace, 1), LIVE_PACE_USUAL_NS);
    uint64_t last_ns = LIVE_PACE_USUAL_NS;
    for (int i = 0; i < 100; i++) {
        uint64_t nap_ns = live_pace_nap_ns(&pace, 0);
        cr_assert(nap_ns > last_ns || nap_ns == LIVE_PACE_IDLE_NS, "%lu ns", nap_ns);
        last_ns = nap_ns;
    }
    cr_assert_eq(last_ns, LIVE_PACE_IDLE_NS);
    cr_assert_eq(live_pace_nap_ns(&pace, 1), LIVE_PACE_USUAL_NS, "something came");
}

Test(live_pace, it_is_back_before_the_fastest_ring_is_a_quarter_full)
{
    look(MS, RING, 0);
    cr_assert_eq(live_pace_nap_ns(&pace, 10), LIVE_PACE_USUAL_NS, "no rate is known yet");
    look(MS, RING, RING / 8);
    cr_assert_eq(live_pace_nap_ns(&pace, 10), LIVE_PACE_USUAL_NS, "a quarter takes 2 ms");
    look(MS, RING, RING / 2);
    cr_assert_eq(live_pace_nap_ns(&pace, 10), MS / 2);
    look(MS, RING / 16, RING / 16);
    cr_assert_eq(live_pace_nap_ns(&pace, 10), MS / 4, "a small ring is full sooner");
    const struct live_ring slow = {.mask = RING - 1, .arrived = 1};
    live_pace_see(&pace, &slow);
    cr_assert_eq(live_pace_nap_ns(&pace, 10), MS / 4, "the fastest counts");
    look(MS, RING / 16, RING);
    cr_assert_eq(live_pace_nap_ns(&pace, 10), LIVE_PACE_LEAST_NS);
    look(MS, RING, 0);
    cr_assert_eq(live_pace_nap_ns(&pace, 0), LIVE_PACE_USUAL_NS, "the burst is over");
}
