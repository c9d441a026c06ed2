#include "base_clock.h"

#include "base_env.h"

enum { CLOCK_STOPPED = SESSION_CLOCK_TSC + 1 }; /* a kind that no session has */

struct session_clock clock_now_by;
static _Atomic uint64_t stopped_ns;

uint64_t clock_monotonic_ns(void)
{
    if (clock_now_by.kind == CLOCK_STOPPED) {
        /* Relaxed: the ticks differ and rise, no more. */
        return atomic_fetch_add_explicit(&stopped_ns, 1, memory_order_relaxed);
    }
    return clock_rule_monotonic_ns();
}

void clock_stop(void)
{
    if (clock_now_by.kind != CLOCK_STOPPED) {
        atomic_store_explicit(&stopped_ns, clock_to_ns(clock_ticks()), memory_order_relaxed);
        clock_now_by.kind = CLOCK_STOPPED;
    }
}

uint64_t clock_realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void clock_use(const struct session_clock *rule)
{
    clock_now_by = *rule;
    if (!clock_rule_is_sane(rule)) {
        clock_now_by.kind = SESSION_CLOCK_MONOTONIC;
    }
}

void clock_calibrate(struct session_clock *ret_rule)
{
    char source[CLOCK_RULE_SOURCE_BYTES] = "";
    (void)env_read_file(CLOCK_RULE_SOURCE_FILE, source, sizeof source - 1);
    clock_rule_measure(ret_rule, source);
    clock_use(ret_rule);
}
