/*
 * What calls cost beyond the usual: ping-pong, slow-calls.
 */
#include "insight/finding.h"

#include "heap/slow_cause.h"
#include "insight/finding_cause.h"
#include "insight/latency.h"

enum {
    PING_PONG_BLOCKS_MIN = 1000,
    PING_PONG_PERMILLE = 500, /* of the blocks: else it is the exception */
    /* One free in a thousand that takes fifty times the usual, and is long enough to matter. */
    SLOW_CALLS_MIN = 1000,
    SLOW_TAIL_CALLS_MIN = 10, /* fewer are the machine's: a scheduler, a page of a library */
    SLOW_TIMES = 50,
    SLOW_NS_MIN = SESSION_SLOW_NS,
    SLOW_TOGETHER_PERMILLE = 500 /* of the slow calls that were kept */
};

bool finding_ping_pong(const struct finding_facts *facts, const struct finding_group *group,
                       struct finding *f)
{
    uint64_t cross = group->freed > group->same_thread ? group->freed - group->same_thread : 0;
    uint64_t usual_ns = cross * facts->free_p50_ns;
    if (cross < PING_PONG_BLOCKS_MIN ||
        finding_permille(cross, group->freed) < PING_PONG_PERMILLE ||
        group->cross_free_ns <= usual_ns) {
        return false;
    }
    f->saves.ns = group->cross_free_ns - usual_ns;
    finding_add(f, "blocks", "freed by another thread", FINDING_COUNT, cross);
    finding_add(f, "cross_permille", "of those made here", FINDING_PERMILLE,
                finding_permille(cross, group->freed));
    finding_add(f, "free_mean_ns", "one such free takes", FINDING_NS, group->cross_free_ns / cross);
    finding_add(f, "free_p50_ns", "the program's median free", FINDING_NS, facts->free_p50_ns);
    f->confidence = FINDING_MEDIUM;
    f->reason = "threads and times are measured; the mean of the call sites that free these blocks "
                "includes blocks that they free for others";
    return true;
}

/* Time in calls that took limit_ns or longer, beyond the median; all net of the clock. */
static uint64_t tail_ns(const struct finding_group *group, uint64_t clock_cost_ps,
                        uint64_t limit_ns, uint64_t median_ns, uint64_t *ret_calls)
{
    uint64_t ns = 0;
    *ret_calls = 0;
    for (uint32_t i = 0; i < group->latency.bin_count; i++) {
        uint64_t one_ns = latency_net(loglin_value(group->latency.bins[i].code), 1, clock_cost_ps);
        if (one_ns >= limit_ns) {
            *ret_calls += group->latency.bins[i].count;
            ns += group->latency.bins[i].count * (one_ns - median_ns);
        }
    }
    return ns;
}

/* Of the program's slowest calls those at a site, and how many of them another thread's slow call
 * in the same process overlapped. */
static uint64_t count_together(const struct profile *p, uint32_t site, uint64_t *ret_slow)
{
    uint64_t together = 0;
    *ret_slow = 0;
    for (size_t i = 0; i < p->slow_calls.count; i++) {
        const struct profile_slow_call *one = &p->slow_calls.at[i];
        bool is_together = false;
        for (size_t k = 0; k < p->slow_calls.count; k++) {
            const struct profile_slow_call *other = &p->slow_calls.at[k];
            is_together =
                is_together ||
                (other->process == one->process && other->thread != one->thread &&
                 other->at_ns < one->at_ns + one->ns && one->at_ns < other->at_ns + other->ns);
        }
        *ret_slow += one->site == site;
        together += one->site == site && is_together;
    }
    return together;
}

/* What the events hint at where too few of the calls were measured. */
static const char *hint_of(const struct finding_facts *facts, const struct finding_group *group)
{
    uint64_t slow = 0;
    uint64_t together = count_together(facts->profile, group->site, &slow);
    if (facts->is_glibc && hist_quantile(&group->size, 5000) >= SLOW_CAUSE_MMAP_BYTES) {
        return "likely the size: from 128 KiB on glibc takes a block from the system and gives it "
               "back, with fresh pages each time";
    }
    if (slow != 0 && finding_permille(together, slow) >= SLOW_TOGETHER_PERMILLE) {
        return "likely other threads: most of the slowest calls overlap a slow call of another "
               "thread, as those do that wait for one lock, or for a processor";
    }
    return "not known: too few of the slow calls were measured, or no cause has most of their time";
}

bool finding_slow_calls(const struct finding_facts *facts, const struct finding_group *group,
                        struct finding *f)
{
    uint64_t p50 = latency_net(hist_quantile(&group->latency, 5000), 1, facts->clock_cost_ps);
    uint64_t p999 = latency_net(hist_quantile(&group->latency, 9990), 1, facts->clock_cost_ps);
    if (group->latency.count < SLOW_CALLS_MIN || p999 < SLOW_NS_MIN || p999 / SLOW_TIMES < p50) {
        return false;
    }
    uint64_t limit_ns = p50 * SLOW_TIMES > SLOW_NS_MIN ? p50 * SLOW_TIMES : SLOW_NS_MIN;
    uint64_t slow_calls = 0;
    f->saves.ns = tail_ns(group, facts->clock_cost_ps, limit_ns, p50, &slow_calls);
    if (slow_calls < SLOW_TAIL_CALLS_MIN) {
        return false;
    }
    finding_add(f, "calls", "allocating calls", FINDING_COUNT, group->latency.count);
    finding_add(f, "slow_calls", "of them slow", FINDING_COUNT, slow_calls);
    finding_add(f, "p50_ns", "median", FINDING_NS, p50);
    finding_add(f, "p999_ns", "p99.9", FINDING_NS, p999);
    finding_add(f, "max_ns", "longest", FINDING_NS,
                latency_net(hist_max(&group->latency), 1, facts->clock_cost_ps));
    finding_add(f, "size_p50_bytes", "median size", FINDING_BYTES,
                hist_quantile(&group->size, 5000));
    if (!finding_cause_name(group, f)) {
        f->cause = hint_of(facts, group);
        f->confidence = FINDING_LOW;
        f->reason = "the times are measured, their cause is not: the machine may have been busy";
    }
    return true;
}
