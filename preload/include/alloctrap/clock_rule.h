/*
 * clock_rule - how a session's ticks become ns of CLOCK_MONOTONIC: measured once, used by both
 * sides. Threads: any; a rule does not change once a session has it.   Errno: never touched. Source
 * of the TSC's soundness: Intel SDM vol. 3, 17.17.1 (invariant TSC); AMD APM vol. 3, CPUID
 * Fn8000_0007_EDX[8]. Why and how far it is trusted: docs/decisions/0009-clock.md.
 */
#ifndef ALLOCTRAP_CLOCK_RULE_H
#define ALLOCTRAP_CLOCK_RULE_H

#include <cpuid.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "session.h"

#define CLOCK_RULE_SOURCE_FILE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

enum {
    CLOCK_RULE_SOURCE_BYTES = 32, /* room for the kernel's name of its clock */
    CLOCK_RULE_MEASURE_NS = 3000000,
    CLOCK_RULE_TRIES = 16,
    CLOCK_RULE_COST_READS = 64,
    CLOCK_RULE_COST_ROUNDS = 16,
    CLOCK_RULE_TICK_NS_MAX = 64 /* a slower counter is none */
};

__extension__ typedef __int128 clock_product;

/* HOT. ns of CLOCK_MONOTONIC by the vDSO, which cannot fail for it. */
static inline uint64_t clock_rule_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* HOT. */
static inline uint64_t clock_rule_ticks(const struct session_clock *rule)
{
    return rule->kind == SESSION_CLOCK_TSC ? __rdtsc() : clock_rule_monotonic_ns();
}

/* HOT. By a rule of the TSC, ticks as ns. Both signed: one instruction; a sane mult is below
 * 2^39. */
static inline int64_t clock_rule_scale(const struct session_clock *rule, uint64_t ticks)
{
    return (int64_t)((clock_product)(int64_t)ticks * (int64_t)rule->mult >> 32);
}

/* HOT. A tick count of before the rule's base gives a time of before its base. */
static inline uint64_t clock_rule_ns(const struct session_clock *rule, uint64_t ticks)
{
    if (rule->kind != SESSION_CLOCK_TSC) {
        return ticks;
    }
    return rule->base_ns + (uint64_t)clock_rule_scale(rule, ticks - rule->base_ticks);
}

/* HOT. ns between two tick counts. */
static inline uint64_t clock_rule_span_ns(const struct session_clock *rule, uint64_t ticks)
{
    return rule->kind != SESSION_CLOCK_TSC ? ticks : (uint64_t)clock_rule_scale(rule, ticks);
}

/* PURE. False for what no measurement gives; such a rule may come from a hostile session. */
static inline bool clock_rule_is_sane(const struct session_clock *rule)
{
    return rule->kind == SESSION_CLOCK_MONOTONIC ||
           (rule->kind == SESSION_CLOCK_TSC && rule->mult != 0 &&
            rule->mult <= (uint64_t)CLOCK_RULE_TICK_NS_MAX << 32);
}

/*
 * PURE. Whether the TSC keeps time, by the kernel's name for its own clock (a line end is ignored).
 * "tsc": the kernel has checked it itself. "kvm-clock" and Hyper-V's page are read from the TSC as
 * well, scaled by the hypervisor; a machine with the invariant TSC needs no such scaling while it
 * stays on one host.
 */
static inline bool clock_rule_trusts_tsc(const char *source, bool is_invariant)
{
    size_t len = strcspn(source, "\n");
    static const char *const by_tsc[] = {"kvm-clock", "hyperv_clocksource_tsc_page"};
    if (len == strlen("tsc") && memcmp(source, "tsc", len) == 0) {
        return true;
    }
    for (size_t i = 0; is_invariant && i < sizeof by_tsc / sizeof *by_tsc; i++) {
        if (len == strlen(by_tsc[i]) && memcmp(source, by_tsc[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* COLD. The processor says that its TSC runs at one rate in every state. */
static inline bool clock_rule_is_invariant(void)
{
    unsigned a, b, c, d = 0;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1U << 8) != 0;
}

/* COLD. Both clocks at one moment: the closest of several tries, so that a preemption does no harm.
 */
static inline void clock_rule_read_both(uint64_t *ret_ticks, uint64_t *ret_ns)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < CLOCK_RULE_TRIES; i++) {
        uint64_t before = __rdtsc();
        uint64_t ns = clock_rule_monotonic_ns();
        uint64_t width = __rdtsc() - before;
        if (width < best || i == 0) {
            best = width;
            *ret_ticks = before + width / 2;
            *ret_ns = ns;
        }
    }
}

/* COLD. What one reading costs in 1/1000 ns: the fastest round, when nothing disturbs it. */
static inline uint64_t clock_rule_cost_millins(const struct session_clock *rule)
{
    uint64_t best_ns = UINT64_MAX;
    for (int round = 0; round < CLOCK_RULE_COST_ROUNDS; round++) {
        uint64_t start_ns = clock_rule_monotonic_ns();
        for (int i = 0; i < CLOCK_RULE_COST_READS; i++) {
            uint64_t ticks = clock_rule_ticks(rule);
            __asm__ volatile("" ::"r"(ticks));
        }
        uint64_t took_ns = clock_rule_monotonic_ns() - start_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    return best_ns * 1000 / CLOCK_RULE_COST_READS;
}

/* COLD. Measures for CLOCK_RULE_MEASURE_NS. source: what CLOCK_RULE_SOURCE_FILE says, "" if
 * nothing. */
static inline void clock_rule_measure(struct session_clock *ret, const char *source)
{
    struct session_clock rule = {.kind = SESSION_CLOCK_MONOTONIC};
    if (clock_rule_trusts_tsc(source, clock_rule_is_invariant())) {
        uint64_t ticks = 0;
        uint64_t ns = 0;
        clock_rule_read_both(&rule.base_ticks, &rule.base_ns);
        do {
            clock_rule_read_both(&ticks, &ns);
        } while (ns - rule.base_ns < CLOCK_RULE_MEASURE_NS);
        rule.kind = SESSION_CLOCK_TSC;
        rule.mult = ticks > rule.base_ticks
                        ? (uint64_t)(((clock_product)(ns - rule.base_ns) << 32) /
                                     (clock_product)(ticks - rule.base_ticks))
                        : 0;
    }
    if (!clock_rule_is_sane(&rule)) {
        rule.kind = SESSION_CLOCK_MONOTONIC;
    }
    if (rule.kind == SESSION_CLOCK_MONOTONIC) {
        rule.base_ns = clock_rule_monotonic_ns();
    }
    rule.cost_ns = clock_rule_cost_millins(&rule);
    *ret = rule;
}

#endif
