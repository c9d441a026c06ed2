#include "live/live_pace.h"

void live_pace_look(struct live_pace *pace, uint64_t now_ns)
{
    pace->since_ns = pace->looked_ns != 0 ? now_ns - pace->looked_ns : 0;
    pace->looked_ns = now_ns;
    pace->quarter_ns = 0;
}

void live_pace_see(struct live_pace *pace, const struct live_ring *ring)
{
    if (ring->arrived == 0) {
        return;
    }
    uint64_t quarter_ns = pace->since_ns * ((ring->mask + 1) / 4) / ring->arrived;
    if (pace->quarter_ns == 0 || quarter_ns < pace->quarter_ns) {
        pace->quarter_ns = quarter_ns;
    }
}

uint64_t live_pace_nap_ns(struct live_pace *pace, uint64_t passed)
{
    if (passed >= LIVE_PACE_BUSY) {
        return 0;
    }
    if (passed > 0 || pace->nap_ns < LIVE_PACE_USUAL_NS) {
        pace->nap_ns = LIVE_PACE_USUAL_NS;
    } else if (pace->nap_ns < LIVE_PACE_IDLE_NS) {
        pace->nap_ns += LIVE_PACE_USUAL_NS;
    }
    if (pace->quarter_ns != 0 && pace->quarter_ns < pace->nap_ns) {
        pace->nap_ns =
            pace->quarter_ns > LIVE_PACE_LEAST_NS ? pace->quarter_ns : LIVE_PACE_LEAST_NS;
    }
    return pace->nap_ns;
}
