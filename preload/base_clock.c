#include "base_clock.h"

#include "base_env.h"

#include <string.h>
#include <time.h>

enum {
    CALIBRATE_NS = 2000000,
    COST_READS = 64,
    COST_ROUNDS = 8,
    TICK_NS_MAX = 64 /* a slower counter is none */
};

struct session_clock clock_now_by;

static uint64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_realtime_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

void clock_use(const struct session_clock *rule)
{
    clock_now_by = *rule;
    if (rule->kind != SESSION_CLOCK_TSC || rule->mult == 0 ||
        rule->mult > (uint64_t)TICK_NS_MAX << 32) {
        clock_now_by.kind = SESSION_CLOCK_MONOTONIC;
    }
}

static bool kernel_uses_tsc(void)
{
    char name[8] = {0};
    size_t len = env_read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                               name, sizeof name - 1);
    return len >= 3 && strncmp(name, "tsc", 3) == 0 && (name[3] == '\n' || name[3] == '\0');
}

/* A pair of readings as near to each other as eight tries get. */
static void read_both(uint64_t *ret_ticks, uint64_t *ret_ns)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 8; i++) {
        uint64_t before = __rdtsc();
        uint64_t ns = clock_monotonic_ns();
        uint64_t after = __rdtsc();
        if (i == 0 || after - before < best) {
            best = after - before;
            *ret_ticks = before + (after - before) / 2;
            *ret_ns = ns;
        }
    }
}

static uint64_t cost_millins(void)
{
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < COST_ROUNDS; round++) {
        uint64_t start = clock_monotonic_ns();
        uint64_t sum = 0;
        for (int i = 0; i < COST_READS; i++) {
            sum += clock_ticks();
        }
        __asm__ volatile("" : : "r"(sum));
        uint64_t took = clock_monotonic_ns() - start;
        best = took < best ? took : best;
    }
    return best * 1000 / COST_READS;
}

void clock_calibrate(struct session_clock *ret_rule)
{
    *ret_rule = (struct session_clock){.kind = SESSION_CLOCK_MONOTONIC};
    if (kernel_uses_tsc()) {
        uint64_t ticks = 0;
        uint64_t ns = 0;
        read_both(&ret_rule->base_ticks, &ret_rule->base_ns);
        do {
            read_both(&ticks, &ns);
        } while (ns - ret_rule->base_ns < CALIBRATE_NS);
        clock_product scaled = (clock_product)(ns - ret_rule->base_ns) << 32;
        ret_rule->mult = (uint64_t)(scaled / (ticks - ret_rule->base_ticks));
        ret_rule->kind = SESSION_CLOCK_TSC;
    }
    clock_use(ret_rule);
    ret_rule->kind = clock_now_by.kind;
    ret_rule->cost_ns = cost_millins();
    clock_now_by.cost_ns = ret_rule->cost_ns;
}
