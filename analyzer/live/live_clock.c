#include "live/live_clock.h"

#include <stdio.h>

#include "alloctrap/clock_rule.h"

uint64_t live_clock_ns(void)
{
    return clock_rule_monotonic_ns();
}

uint64_t live_clock_by(const struct session_clock *rule)
{
    return clock_rule_is_sane(rule) ? clock_rule_ns(rule, clock_rule_ticks(rule)) : live_clock_ns();
}

uint64_t live_clock_realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void live_clock_calibrate(struct session_clock *ret)
{
    char source[CLOCK_RULE_SOURCE_BYTES] = "";
    FILE *in = fopen(CLOCK_RULE_SOURCE_FILE, "re");
    if (in != NULL) {
        if (fgets(source, sizeof source, in) == NULL) {
            source[0] = '\0';
        }
        fclose(in);
    }
    clock_rule_measure(ret, source);
}
