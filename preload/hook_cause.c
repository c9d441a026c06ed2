#include "hook_cause.h"

#include "base_clock.h"
#include "base_sys.h"

#include <string.h>
#include <sys/resource.h>

static struct cause_place *find(struct hook_cause *cause, const struct stack_at *at, size_t size)
{
    unsigned size_bits = hook_cause_size_bits(size);
    for (unsigned i = 0; i < CAUSE_PLACES; i++) {
        struct cause_place *place = &cause->places[i];
        if (place->left != 0 && place->pc == at->pc && place->sp == at->sp &&
            place->size_bits == size_bits) {
            return place;
        }
    }
    return NULL;
}

static void show_armed(const struct hook_cause *cause)
{
    uint64_t armed = 0;
    for (unsigned i = 0; i < CAUSE_PLACES; i++) {
        const struct cause_place *place = &cause->places[i];
        if (place->left != 0) {
            armed |= UINT64_C(1) << ((place->pc ^ place->sp ^ place->size_bits) & 63);
        }
    }
    hook_tls.armed = armed;
}

void hook_cause_start(struct hook_cause *cause)
{
    memset(cause, 0, sizeof *cause);
    hook_tls.armed = 0;
}

/* A free place, else the one armed longest ago. */
static struct cause_place *take_place(struct hook_cause *cause)
{
    for (unsigned i = 0; i < CAUSE_PLACES; i++) {
        if (cause->places[i].left == 0) {
            return &cause->places[i];
        }
    }
    return &cause->places[cause->next++ % CAUSE_PLACES];
}

void hook_cause_arm(struct hook_cause *cause, const struct stack_at *at, size_t size, uint64_t ns)
{
    uint64_t credit_ns = ns / CAUSE_SLOW_SHARE * CAUSE_SHARE;
    cause->rest_until_ns -= cause->rest_until_ns < credit_ns ? cause->rest_until_ns : credit_ns;
    struct cause_place *place = find(cause, at, size);
    if (place == NULL) {
        place = take_place(cause);
        place->pc = at->pc;
        place->sp = at->sp;
        place->size_bits = hook_cause_size_bits(size);
    }
    place->left = CAUSE_CALLS;
    cause->calls_to_skip = 0;
    show_armed(cause);
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
    struct cause_place *place = find(cause, at, size);
    if (place == NULL) {
        return false;
    }
    uint64_t from_ns = now_ns();
    if (from_ns < cause->rest_until_ns) {
        uint64_t calls = (cause->rest_until_ns - from_ns) / CAUSE_CALL_NS;
        cause->calls_to_skip = calls < CAUSE_SKIP_MAX ? (uint32_t)calls : CAUSE_SKIP_MAX;
        return false;
    }
    if (!ask(&cause->before)) {
        hook_cause_start(cause);
        return false;
    }
    pay(cause, from_ns);
    place->left -= 1;
    if (place->left == 0) {
        show_armed(cause);
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
    return true;
}
