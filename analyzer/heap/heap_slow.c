#include "heap/heap_slow.h"

static void find_fastest(struct heap_slow *slow)
{
    slow->fastest = 0;
    for (unsigned i = 1; i < slow->count; i++) {
        const struct profile_slow_call *best = &slow->calls[slow->fastest];
        const struct profile_slow_call *one = &slow->calls[i];
        if (one->ns < best->ns || (one->ns == best->ns && one->at_ns > best->at_ns)) {
            slow->fastest = i;
        }
    }
    slow->from_ns = slow->calls[slow->fastest].ns + 1;
}

void heap_slow_add(struct heap_slow *slow, const struct profile_slow_call *call)
{
    if (slow->count < PROFILE_SLOW_CALLS) {
        slow->calls[slow->count++] = *call;
    } else {
        slow->calls[slow->fastest] = *call;
    }
    if (slow->count == PROFILE_SLOW_CALLS) {
        find_fastest(slow);
    }
}
