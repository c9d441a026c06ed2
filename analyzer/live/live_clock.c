#include "live/live_clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

enum { CALIBRATE_NS = 10000000, COST_READS = 200, COST_ROUNDS = 20, NS_PER_S = 1000000000 };

static uint64_t read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t live_clock_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t live_clock_realtime_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

static bool kernel_uses_tsc(void)
{
    char name[32] = "";
    FILE *in = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (in == NULL) {
        return false;
    }
    bool is_tsc = fgets(name, sizeof name, in) != NULL && strcmp(name, "tsc\n") == 0;
    fclose(in);
    return is_tsc;
}

/* Both clocks at one moment: the closest of several tries, so that a preemption does no harm. */
static void read_both(uint64_t *ret_ticks, uint64_t *ret_ns)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 16; i++) {
        uint64_t before = __rdtsc();
        uint64_t ns = live_clock_ns();
        uint64_t width = __rdtsc() - before;
        if (width < best) {
            best = width;
            *ret_ticks = before + width / 2;
            *ret_ns = ns;
        }
    }
}

static uint64_t read_by(uint32_t kind)
{
    return kind == SESSION_CLOCK_TSC ? __rdtsc() : live_clock_ns();
}

/* The fastest round: what a reading costs when nothing disturbs it. */
static uint64_t measure_cost_ps(uint32_t kind)
{
    uint64_t best_ns = UINT64_MAX;
    for (int round = 0; round < COST_ROUNDS; round++) {
        uint64_t start_ns = live_clock_ns();
        for (int i = 0; i < COST_READS; i++) {
            uint64_t ticks = read_by(kind);
            __asm__ volatile("" ::"r"(ticks));
        }
        uint64_t spent_ns = live_clock_ns() - start_ns;
        best_ns = spent_ns < best_ns ? spent_ns : best_ns;
    }
    return best_ns * 1000 / COST_READS;
}

void live_clock_calibrate(struct session_clock *ret)
{
    struct session_clock clock = {.kind = SESSION_CLOCK_MONOTONIC, .base_ns = live_clock_ns()};
    if (kernel_uses_tsc()) {
        uint64_t end_ticks = 0;
        uint64_t end_ns = 0;
        struct timespec pause = {.tv_nsec = CALIBRATE_NS};
        read_both(&clock.base_ticks, &clock.base_ns);
        nanosleep(&pause, NULL);
        read_both(&end_ticks, &end_ns);
        if (end_ticks > clock.base_ticks && end_ns > clock.base_ns) {
            clock.kind = SESSION_CLOCK_TSC;
            clock.mult = ((end_ns - clock.base_ns) << 32) / (end_ticks - clock.base_ticks);
        }
    }
    clock.cost_ns = measure_cost_ps(clock.kind);
    *ret = clock;
}
