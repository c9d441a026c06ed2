/* Where ping-pong and slow-calls begin, and what they say. */
#include "insight/finding.h"

#include <criterion/criterion.h>
#include <string.h>

#include "finding_case.h"

enum { USUAL_NS = 40, CLOCK_COST_NS = 20, PS_PER_NS = 1000 };

Test(finding_cost, of_nothing_there_is_no_finding)
{
    struct finding_case c = case_create();
    cr_expect_not(case_finds(&c, finding_ping_pong));
    cr_expect_not(case_finds(&c, finding_slow_calls));
    case_finish(&c);
}

/* Two thirds of 1500 blocks are freed by another thread, 1 ns in all above the usual. */
static struct finding_case handed_over(void)
{
    struct finding_case c = case_create();
    c.facts.free_p50_ns = USUAL_NS;
    c.group.freed = 1500;
    c.group.same_thread = 500;
    c.group.cross_free_ns = 1000 * USUAL_NS + 1;
    return c;
}

/* Two of 4000 blocks short of, or at, the half. */
static struct finding_case half_handed_over(void)
{
    struct finding_case c = handed_over();
    c.group.freed = 4000;
    c.group.same_thread = 2000;
    c.group.cross_free_ns = 2000 * USUAL_NS * 2;
    return c;
}

Test(finding_cost, ping_pong_wants_a_thousand_blocks_half_of_all_and_a_price)
{
    static const struct finding_edge edges[] = {
        CASE_EDGE(group.same_thread, 500, 501),
        CASE_EDGE(group.cross_free_ns, 1000 * USUAL_NS + 1, 1000 * USUAL_NS),
    };
    static const struct finding_edge share[] = {CASE_EDGE(group.same_thread, 2000, 2001)};
    CASE_EDGES(handed_over, finding_ping_pong, edges);
    CASE_EDGES(half_handed_over, finding_ping_pong, share);
}

Test(finding_cost, ping_pong_saves_what_is_above_the_usual)
{
    struct finding_case c = half_handed_over();
    cr_assert(case_finds(&c, finding_ping_pong));
    cr_expect_eq(c.found.saves.ns, 2000 * USUAL_NS);
    cr_expect_eq(c.found.saves.calls, 0, "the blocks are made all the same");
    cr_expect_eq(number_of(&c.found, "blocks"), 2000);
    cr_expect_eq(number_of(&c.found, "cross_permille"), 500);
    cr_expect_eq(number_of(&c.found, "free_mean_ns"), 2 * USUAL_NS);
    cr_expect_eq(number_of(&c.found, "free_p50_ns"), USUAL_NS);
    cr_expect_eq(c.found.confidence, FINDING_MEDIUM);
    case_finish(&c);
}

/* A recording is a file that anyone may have made. */
Test(finding_cost, more_frees_by_the_own_thread_than_frees_are_no_ping_pong)
{
    struct finding_case c = handed_over();
    c.group.same_thread = c.group.freed + 1;
    cr_expect_not(case_finds(&c, finding_ping_pong));
    case_finish(&c);
}

enum { CALLS_MIN = 1000, TAIL_MIN = 10, TIMES = 50, ENOUGH_NS = 20000 };

/* The lowest code of a histogram that stands for at least so much. */
static uint16_t code_from(uint64_t value)
{
    uint16_t code = loglin_code(value);
    return loglin_value(code) < value ? (uint16_t)(code + 1) : code;
}

static bool is_slow(uint64_t calls, uint64_t usual_ns, uint64_t tail_calls, uint16_t tail_code)
{
    struct finding_case c = case_create();
    case_fill(&c.group.latency, usual_ns, calls - tail_calls);
    hist_add(&c.group.latency, tail_code, tail_calls);
    bool is_found = case_finds(&c, finding_slow_calls);
    case_finish(&c);
    return is_found;
}

Test(finding_cost, slow_calls_want_a_thousand_calls_and_ten_slow_ones)
{
    uint16_t slow = loglin_code(ENOUGH_NS);
    cr_expect(is_slow(CALLS_MIN, USUAL_NS, TAIL_MIN, slow));
    cr_expect_not(is_slow(CALLS_MIN - 1, USUAL_NS, TAIL_MIN, slow));
    cr_expect_not(is_slow(CALLS_MIN, USUAL_NS, TAIL_MIN - 1, slow));
    cr_expect_not(is_slow(20 * CALLS_MIN, USUAL_NS, TAIL_MIN, slow), "p99.9 is not slow");
}

Test(finding_cost, slow_is_ten_us_and_fifty_times_the_median)
{
    uint16_t ten_us = code_from(SESSION_SLOW_NS);
    cr_expect(is_slow(CALLS_MIN, USUAL_NS, TAIL_MIN, ten_us));
    cr_expect_not(is_slow(CALLS_MIN, USUAL_NS, TAIL_MIN, ten_us - 1));
    uint64_t median_ns = loglin_value(loglin_code(400)); /* 50 of it are more than 10 us */
    uint16_t fifty = code_from(TIMES * median_ns);
    cr_expect(is_slow(CALLS_MIN, median_ns, TAIL_MIN, fifty));
    cr_expect_not(is_slow(CALLS_MIN, median_ns, TAIL_MIN, fifty - 1));
}

/* All of it: what is saved, the median, and the longest. */
Test(finding_cost, times_of_slow_calls_are_net_of_the_clock)
{
    struct finding_case c = case_create();
    uint64_t slow_ns = loglin_value(loglin_code(ENOUGH_NS));
    c.facts.clock_cost_ps = CLOCK_COST_NS * PS_PER_NS;
    case_fill(&c.group.latency, USUAL_NS, CALLS_MIN);
    hist_add(&c.group.latency, loglin_code(ENOUGH_NS), TAIL_MIN);
    cr_assert(case_finds(&c, finding_slow_calls));
    cr_expect_eq(number_of(&c.found, "calls"), CALLS_MIN + TAIL_MIN);
    cr_expect_eq(number_of(&c.found, "slow_calls"), TAIL_MIN);
    cr_expect_eq(number_of(&c.found, "p50_ns"), USUAL_NS - CLOCK_COST_NS);
    cr_expect_eq(number_of(&c.found, "p999_ns"), slow_ns - CLOCK_COST_NS);
    cr_expect_eq(number_of(&c.found, "max_ns"), slow_ns - CLOCK_COST_NS);
    cr_expect_eq(c.found.saves.ns, TAIL_MIN * (slow_ns - USUAL_NS));
    case_finish(&c);
}

/* Ten slow calls of blocks of one size; keep_slow() adds to the ones that were kept. */
static struct finding_case with_tail(uint64_t size)
{
    struct finding_case c = case_create();
    c.group.site = 1;
    case_fill(&c.group.latency, USUAL_NS, CALLS_MIN);
    hist_add(&c.group.latency, loglin_code(ENOUGH_NS), TAIL_MIN);
    case_fill(&c.group.size, size, CALLS_MIN);
    return c;
}

static void keep_slow(struct finding_case *c, uint32_t site, uint32_t process, uint32_t thread,
                      uint64_t at_ns)
{
    *MEM_PUSH(&c->profile->slow_calls) = (struct profile_slow_call){
        .site = site, .process = process, .thread = thread, .at_ns = at_ns, .ns = ENOUGH_NS};
}

static bool hints_at(struct finding_case *c, const char *words)
{
    cr_assert(case_finds(c, finding_slow_calls));
    cr_expect_eq(c->found.confidence, FINDING_LOW, "a hint");
    cr_expect_eq(c->found.cause_kind, PROFILE_CAUSE_NONE);
    return strstr(c->found.cause, words) != NULL;
}

Test(finding_cost, sizes_from_128_kib_are_a_hint_under_glibc_alone)
{
    static const struct {
        uint64_t size;
        bool is_glibc;
        bool is_hint;
    } cases[] = {{131072, true, true}, {131071, true, false}, {131072, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finding_case c = with_tail(cases[i].size);
        c.facts.is_glibc = cases[i].is_glibc;
        cr_expect_eq(hints_at(&c, "the size"), cases[i].is_hint, "case %zu", i);
        case_finish(&c);
    }
}

Test(finding_cost, half_of_the_slow_calls_beside_another_threads_are_a_hint)
{
    struct finding_case c = with_tail(64);
    keep_slow(&c, 1, 0, 70, 0);
    keep_slow(&c, 2, 0, 71, ENOUGH_NS - 1); /* of another site: the lock is the same */
    keep_slow(&c, 1, 0, 70, 10 * ENOUGH_NS);
    cr_expect(hints_at(&c, "other threads"));
    keep_slow(&c, 1, 0, 70, 20 * ENOUGH_NS);
    cr_expect(hints_at(&c, "not known"), "a third");
    case_finish(&c);
}

Test(finding_cost, who_does_not_overlap_in_one_process_waits_for_nobody)
{
    static const struct {
        uint32_t process;
        uint32_t thread;
        uint64_t at_ns;
    } others[] = {{1, 71, 0}, {0, 70, 0}, {0, 71, ENOUGH_NS}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct finding_case c = with_tail(64);
        keep_slow(&c, 1, 0, 70, 0);
        keep_slow(&c, 2, others[i].process, others[i].thread, others[i].at_ns);
        cr_expect(hints_at(&c, "not known"), "case %zu", i);
        case_finish(&c);
    }
}
