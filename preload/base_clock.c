#include "base_clock.h"

#include "base_env.h"

/* Kinds that no session has. */
enum { CLOCK_STOPPED = SESSION_CLOCK_TSC + 1, CLOCK_NONE };

struct session_clock clock_now_by;
uint32_t clock_calls_by = CLOCK_NONE;
uint64_t clock_slow_ticks;
static bool are_calls_timed;
static _Atomic uint64_t stopped_ns;

static void set_kind(uint32_t kind)
{
    clock_now_by.kind = kind;
    clock_slow_ticks =
        clock_now_by.mult == 0 ? 0 : ((uint64_t)SESSION_SLOW_NS << 32) / clock_now_by.mult;
    clock_calls_by = are_calls_timed ? kind : CLOCK_NONE;
}

void clock_time_calls(bool are_timed)
{
    are_calls_timed = are_timed;
    set_kind(clock_now_by.kind);
}

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
        set_kind(CLOCK_STOPPED);
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
    set_kind(clock_rule_is_sane(rule) ? rule->kind : (uint32_t)SESSION_CLOCK_MONOTONIC);
}

void clock_calibrate(struct session_clock *ret_rule)
{
    char source[CLOCK_RULE_SOURCE_BYTES] = "";
    (void)env_read_file(CLOCK_RULE_SOURCE_FILE, source, sizeof source - 1);
    clock_rule_measure(ret_rule, source);
    clock_use(ret_rule);
}
