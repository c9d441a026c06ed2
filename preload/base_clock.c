#include "base_clock.h"

#include "base_env.h"

struct session_clock clock_now_by;

uint64_t clock_monotonic_ns(void)
{
    return clock_rule_monotonic_ns();
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
