#include "hook_cause.h"

#include "base_clock.h"
#include "base_sys.h"

#include <string.h>
#include <sys/resource.h>

static struct cause_place *place_of(struct hook_cause *cause, const struct stack_at *at,
                                    size_t size)
{
    return &cause->places[hook_cause_index(at->pc, at->sp, size)];
}

static bool is_armed(const struct cause_place *place, const struct stack_at *at, size_t size)
{
    return place->left != 0 && place->pc == at->pc && place->sp == at->sp &&
           place->size_bits == hook_cause_size_bits(size);
}

void hook_cause_start(struct hook_cause *cause)
{
    memset(cause, 0, sizeof *cause);
    hook_tls.armed = 0;
}

void hook_cause_arm(struct hook_cause *cause, const struct stack_at *at, size_t size, uint64_t ns)
{
    uint64_t credit_ns = ns / CAUSE_SLOW_SHARE * CAUSE_SHARE;
    cause->rest_until_ns -= cause->rest_until_ns < credit_ns ? cause->rest_until_ns : credit_ns;
    struct cause_place *place = place_of(cause, at, size);
    if (!is_armed(place, at, size)) {
        *place = (struct cause_place){.pc = at->pc,
                                      .sp = at->sp,
                                      .size_bits = (uint8_t)hook_cause_size_bits(size),
                                      .often = CAUSE_OFTEN};
    }
    place->left = CAUSE_CALLS;
    place->calls_to_skip = 0;
    hook_tls.armed |= UINT64_C(1) << (place - cause->places);
}

/* False: the kernel did not say, as behind a filter. */
static bool ask(struct session_usage *ret)
{
    struct rusage usage;
    if (sys_call3(SYS_getrusage, RUSAGE_THREAD, (long)&usage, 0) != 0) {
        return false;
    }
    *ret = (struct session_usage){.minor_faults = (uint32_t)usage.ru_minflt,
                                  .major_faults = (uint32_t)usage.ru_majflt,
                                  .voluntary = (uint32_t)usage.ru_nvcsw,
                                  .involuntary = (uint32_t)usage.ru_nivcsw};
    return true;
}

static uint64_t now_ns(void)
{
    return clock_to_ns(clock_ticks());
}

/* What asking took since from_ns is paid for by CAUSE_SHARE times as long a rest. */
static void pay(struct hook_cause *cause, uint64_t from_ns)
{
    uint64_t until_ns = now_ns();
    uint64_t cost_ns = until_ns > from_ns ? until_ns - from_ns : 0;
    cost_ns = cost_ns < CAUSE_COST_MAX_NS ? cost_ns : CAUSE_COST_MAX_NS;
    uint64_t saved_ns = from_ns > CAUSE_SAVED_NS ? from_ns - CAUSE_SAVED_NS : 0;
    uint64_t rest_ns = cause->rest_until_ns > saved_ns ? cause->rest_until_ns : saved_ns;
    cause->rest_until_ns = rest_ns + cost_ns * CAUSE_SHARE;
}

bool hook_cause_begin(struct hook_cause *cause, const struct stack_at *at, size_t size)
{
    struct cause_place *place = place_of(cause, at, size);
    if (!is_armed(place, at, size)) {
        return false;
    }
    uint64_t from_ns = now_ns();
    uint64_t until_ns = cause->rest_until_ns + (place->often == 0 ? CAUSE_KEPT_NS : 0);
    if (from_ns < until_ns) {
        uint64_t calls = (until_ns - from_ns) / CAUSE_CALL_NS;
        place->calls_to_skip = calls < CAUSE_SKIP_MAX ? (uint16_t)calls : CAUSE_SKIP_MAX;
        return false;
    }
    if (!ask(&cause->before)) {
        hook_cause_start(cause);
        return false;
    }
    pay(cause, from_ns);
    cause->measured = (uint64_t)(place - cause->places);
    if (place->often != 0) {
        place->often--;
    }
    place->left--;
    if (place->left == 0) {
        hook_tls.armed &= ~(UINT64_C(1) << (place - cause->places));
    }
    return true;
}

bool hook_cause_end(struct hook_cause *cause)
{
    uint64_t from_ns = now_ns();
    struct session_usage after;
    if (!ask(&after)) {
        return false;
    }
    const struct session_usage *before = &cause->before;
    cause->within = (struct session_usage){
        after.minor_faults - before->minor_faults, after.major_faults - before->major_faults,
        after.voluntary - before->voluntary, after.involuntary - before->involuntary};
    pay(cause, from_ns);
    cause->places[cause->measured].often = CAUSE_OFTEN;
    return true;
}
