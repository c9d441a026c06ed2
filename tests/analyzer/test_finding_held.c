/* Where retained and leak begin, and what they say. */
#include "insight/finding.h"

#include <criterion/criterion.h>

#include "finding_case.h"

enum { KIB = 1024, MIB = 1024 * KIB };

Test(finding_held, of_nothing_there_is_no_finding)
{
    struct finding_case c = case_create();
    cr_expect_not(case_finds(&c, finding_retained));
    cr_expect_not(case_finds(&c, finding_leak));
    case_finish(&c);
}

/* Blocks of 64 KiB, half of the peak and of all byte-seconds, that live for 5 % of the run. */
static struct finding_case retained(void)
{
    struct finding_case c = case_create();
    c.facts.duration_ns = 1000;
    c.facts.peak_bytes = 2 * MIB;
    c.facts.held_byte_us = 1000;
    c.group.allocs = 100;
    c.group.freed = 100;
    c.group.peak_blocks = 16;
    c.group.peak_bytes = MIB;
    c.group.held_byte_us = 500;
    case_fill(&c.group.size, 64 * KIB, 100);
    case_fill(&c.group.life_ns, 50, 100);
    return c;
}

/* The same in a run so long that those that ended were work; most have not. */
static struct finding_case unended(void)
{
    struct finding_case c = retained();
    c.facts.duration_ns = 1000000;
    c.group.freed = 49;
    return c;
}

Test(finding_held, retained_begins_where_its_definition_says)
{
    static const struct finding_edge edges[] = {
        CASE_EDGE(group.peak_blocks, 4, 3),
        CASE_EDGE(group.peak_bytes, MIB, MIB - 1),
        CASE_EDGE(facts.peak_bytes, 4 * MIB, 4 * MIB + 1),
        CASE_EDGE(group.held_byte_us, 250, 249),
        CASE_EDGE(facts.duration_ns, 1000, 1001),
    };
    static const struct finding_edge ended[] = {CASE_EDGE(group.freed, 49, 50)};
    CASE_EDGES(retained, finding_retained, edges);
    CASE_EDGES(unended, finding_retained, ended);
}

Test(finding_held, retained_is_of_blocks_from_64_kib)
{
    struct finding_case c = retained();
    case_fill(&c.group.size, 64 * KIB - 1, 100);
    cr_expect_not(case_finds(&c, finding_retained));
    hist_add(&c.group.size, loglin_code(64 * KIB), 101);
    cr_expect(case_finds(&c, finding_retained), "the median is");
    case_finish(&c);
}

Test(finding_held, retained_saves_its_part_of_the_peak_and_is_a_hint)
{
    struct finding_case c = retained();
    c.group.growth.steps = 7;
    cr_assert(case_finds(&c, finding_retained));
    cr_expect_eq(c.found.saves.memory_bytes, MIB);
    cr_expect_eq(c.found.saves.calls, 0);
    cr_expect_eq(number_of(&c.found, "blocks_at_peak"), 16);
    cr_expect_eq(number_of(&c.found, "peak_permille"), 500);
    cr_expect_eq(number_of(&c.found, "held_permille"), 500);
    cr_expect_eq(number_of(&c.found, "life_p50_ns"), 50);
    cr_expect_eq(number_of(&c.found, "growth_steps"), 7);
    cr_expect_eq(c.found.confidence, FINDING_LOW);
    case_finish(&c);
}

/* A tenth of 100 left in each later quarter; 2 % freed, next to nothing of the peak. */
static struct finding_case leaking(void)
{
    struct finding_case c = case_create();
    c.facts.peak_bytes = 100000;
    c.facts.live_bytes = 6400;
    c.group.allocs = 1000;
    c.group.freed = 20;
    c.group.live_blocks = 100;
    c.group.live_bytes = 6400;
    c.group.live_in_quarter[0] = 70;
    for (unsigned i = 1; i < PROFILE_QUARTERS; i++) {
        c.group.live_in_quarter[i] = 10;
    }
    return c;
}

/* Few blocks, all of them of the later quarters. */
static struct finding_case leaking_little(void)
{
    struct finding_case c = leaking();
    c.group.live_in_quarter[0] = 0;
    c.group.live_blocks = 16;
    return c;
}

/* None is freed at all: then it must be a tenth of the peak. */
static struct finding_case never_freed(void)
{
    struct finding_case c = leaking();
    c.group.freed = 0;
    c.group.live_bytes = 10000;
    return c;
}

Test(finding_held, a_leak_begins_where_its_definition_says)
{
    static const struct finding_edge edges[] = {
        CASE_EDGE(group.live_in_quarter[1], 10, 9),
        CASE_EDGE(group.live_in_quarter[2], 10, 9),
        CASE_EDGE(group.live_in_quarter[3], 10, 9),
        CASE_EDGE(group.freed, 20, 19),
    };
    static const struct finding_edge blocks[] = {CASE_EDGE(group.live_blocks, 16, 15)};
    static const struct finding_edge of_peak[] = {CASE_EDGE(group.live_bytes, 10000, 9999)};
    CASE_EDGES(leaking, finding_leak, edges);
    CASE_EDGES(leaking_little, finding_leak, blocks);
    CASE_EDGES(never_freed, finding_leak, of_peak);
}

Test(finding_held, a_leak_is_as_sure_as_all_else_is_freed)
{
    static const struct {
        uint64_t freed;
        uint64_t others_live; /* of a peak of 100000 */
        enum finding_confidence confidence;
    } cases[] = {
        {500, 0, FINDING_HIGH},    {499, 0, FINDING_MEDIUM},    {900, 10000, FINDING_HIGH},
        {900, 10100, FINDING_LOW}, {20, 10000, FINDING_MEDIUM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finding_case c = leaking();
        c.group.freed = cases[i].freed;
        c.facts.live_bytes = c.group.live_bytes + cases[i].others_live;
        cr_assert(case_finds(&c, finding_leak));
        cr_expect_eq(c.found.confidence, cases[i].confidence, "case %zu", i);
        case_finish(&c);
    }
}

Test(finding_held, a_leak_tells_what_is_left_and_when_it_came)
{
    struct finding_case c = leaking();
    cr_assert(case_finds(&c, finding_leak));
    cr_expect_eq(c.found.saves.memory_bytes, 6400);
    cr_expect_eq(number_of(&c.found, "live_blocks"), 100);
    cr_expect_eq(number_of(&c.found, "live_bytes"), 6400);
    cr_expect_eq(number_of(&c.found, "allocations"), 1000);
    cr_expect_eq(number_of(&c.found, "freed_permille"), 20);
    cr_expect_eq(number_of(&c.found, "live_first_quarter"), 70);
    cr_expect_eq(number_of(&c.found, "live_last_quarter"), 10);
    case_finish(&c);
}
