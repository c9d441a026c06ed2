/* Where zeroed, scratch, temporary, pool and cold-pool begin, and what they say. */
#include "insight/finding.h"

#include <criterion/criterion.h>

#include "finding_case.h"

enum { KIB = 1024, MIB = 1024 * KIB, ALLOCS_MIN = 100 };

Test(finding_short, of_nothing_there_is_no_finding)
{
    static finding_detector *const detectors[] = {
        finding_zeroed, finding_scratch, finding_temporary, finding_pool, finding_cold_pool};
    for (size_t i = 0; i < sizeof detectors / sizeof detectors[0]; i++) {
        struct finding_case c = case_create();
        cr_expect_not(case_finds(&c, detectors[i]), "detector %zu", i);
        case_finish(&c);
    }
}

/* Buffers by calloc, nine of ten of them gone at once. */
static struct finding_case cleared(void)
{
    struct finding_case c = case_create();
    c.facts.malloc_p50_ns = 30;
    c.group.allocs = 1000;
    c.group.temporaries = 950;
    c.group.callocs = 950;
    c.group.calloc_ns = 950 * 100;
    c.group.bytes = 1000 * 4 * KIB;
    case_fill(&c.group.size, 4 * KIB, 1000);
    return c;
}

static struct finding_case cleared_few(void)
{
    struct finding_case c = cleared();
    c.group.allocs = ALLOCS_MIN;
    c.group.temporaries = ALLOCS_MIN - 1;
    c.group.callocs = ALLOCS_MIN - 1;
    return c;
}

Test(finding_short, zeroed_begins_where_its_definition_says)
{
    static const struct finding_edge edges[] = {CASE_EDGE(group.temporaries, 900, 899),
                                                CASE_EDGE(group.callocs, 900, 899)};
    static const struct finding_edge few[] = {CASE_EDGE(group.allocs, ALLOCS_MIN, ALLOCS_MIN - 1)};
    CASE_EDGES(cleared, finding_zeroed, edges);
    CASE_EDGES(cleared_few, finding_zeroed, few);
}

Test(finding_short, zeroed_is_of_blocks_from_4_kib)
{
    struct finding_case c = cleared();
    case_fill(&c.group.size, 4 * KIB - 1, 1000);
    cr_expect_not(case_finds(&c, finding_zeroed));
    case_finish(&c);
}

Test(finding_short, zeroed_saves_the_bytes_and_what_malloc_would_not_take)
{
    struct finding_case c = cleared();
    cr_assert(case_finds(&c, finding_zeroed));
    cr_expect_eq(c.found.saves.cleared_bytes, 1000 * 4 * KIB);
    cr_expect_eq(c.found.saves.ns, 950 * (100 - 30));
    cr_expect_eq(c.found.saves.calls, 0, "the blocks are made all the same");
    cr_expect_eq(number_of(&c.found, "calloc_mean_ns"), 100);
    c.group.calloc_ns = 950 * 30;
    cr_assert(case_finds(&c, finding_zeroed));
    cr_expect_eq(c.found.saves.ns, 0, "never less than nothing");
    case_finish(&c);
}

/* 64 bytes, never more than a few at once, freed by the call that made them. */
static struct finding_case in_one_call(void)
{
    struct finding_case c = case_create();
    c.group.sites = 2;
    c.group.allocs = 1000;
    c.group.alloc_ns = 30000;
    c.group.free_ns = 10000;
    c.group.same_frame = 1000;
    c.group.temporaries = 1000;
    c.group.max_blocks = 4;
    case_fill(&c.group.size, 64, 1000);
    return c;
}

static struct finding_case few_in_one_call(void)
{
    struct finding_case c = in_one_call();
    c.group.allocs = ALLOCS_MIN;
    c.group.same_frame = ALLOCS_MIN - 1;
    c.group.temporaries = ALLOCS_MIN - 1;
    return c;
}

Test(finding_short, scratch_and_temporary_begin_where_their_definitions_say)
{
    static const struct finding_edge scratch[] = {
        CASE_EDGE(group.same_frame, 900, 899),
        CASE_EDGE(group.max_blocks, 2 * 32, 2 * 32 + 1), /* 32 of each of two call sites */
        CASE_EDGE(group.replaced, 500, 501),
    };
    static const struct finding_edge temporary[] = {CASE_EDGE(group.temporaries, 900, 899),
                                                    CASE_EDGE(group.replaced, 500, 501)};
    static const struct finding_edge few[] = {CASE_EDGE(group.allocs, ALLOCS_MIN, ALLOCS_MIN - 1)};
    CASE_EDGES(in_one_call, finding_scratch, scratch);
    CASE_EDGES(in_one_call, finding_temporary, temporary);
    CASE_EDGES(few_in_one_call, finding_scratch, few);
    CASE_EDGES(few_in_one_call, finding_temporary, few);
}

/* The histogram of sizes has bins of 1.6 %: beyond 1 KiB's the next one is too large. */
Test(finding_short, what_fits_a_stack_is_1_kib_and_no_more)
{
    static finding_detector *const detectors[] = {finding_scratch, finding_temporary};
    for (size_t i = 0; i < 2; i++) {
        struct finding_case c = in_one_call();
        hist_add(&c.group.size, loglin_code(KIB), 1);
        cr_expect(case_finds(&c, detectors[i]), "detector %zu", i);
        hist_add(&c.group.size, loglin_code(KIB) + 1, 1);
        cr_expect_not(case_finds(&c, detectors[i]), "detector %zu: one is larger", i);
        case_finish(&c);
    }
}

Test(finding_short, scratch_is_sure_up_to_256_bytes_and_where_99_percent_stay)
{
    static const struct {
        uint64_t same_frame;
        uint16_t code;
        enum finding_confidence confidence;
    } cases[] = {{990, 64, FINDING_HIGH}, {989, 64, FINDING_MEDIUM}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finding_case c = in_one_call();
        c.group.same_frame = cases[i].same_frame;
        cr_assert(case_finds(&c, finding_scratch));
        cr_expect_eq(c.found.confidence, cases[i].confidence, "case %zu", i);
        case_finish(&c);
    }
    struct finding_case c = in_one_call();
    hist_add(&c.group.size, loglin_code(256), 1);
    cr_assert(case_finds(&c, finding_scratch));
    cr_expect_eq(c.found.confidence, FINDING_HIGH, "as the example has it: char small[256]");
    hist_add(&c.group.size, loglin_code(256) + 1, 1);
    cr_assert(case_finds(&c, finding_scratch));
    cr_expect_eq(c.found.confidence, FINDING_MEDIUM);
    case_finish(&c);
}

Test(finding_short, temporary_is_sure_where_all_have_one_size)
{
    struct finding_case c = in_one_call();
    c.group.temporaries = 990;
    cr_assert(case_finds(&c, finding_temporary));
    cr_expect_eq(c.found.confidence, FINDING_HIGH);
    c.group.temporaries = 989;
    cr_assert(case_finds(&c, finding_temporary));
    cr_expect_eq(c.found.confidence, FINDING_MEDIUM);
    c.group.temporaries = 1000;
    hist_add(&c.group.size, loglin_code(65), 1);
    cr_assert(case_finds(&c, finding_temporary));
    cr_expect_eq(c.found.confidence, FINDING_MEDIUM);
    case_finish(&c);
}

Test(finding_short, scratch_saves_all_blocks_and_temporary_those_that_are)
{
    struct finding_case c = in_one_call();
    c.group.temporaries = 900;
    c.group.same_frame = 950;
    cr_assert(case_finds(&c, finding_scratch));
    cr_expect_eq(c.found.saves.calls, 1000);
    cr_expect_eq(c.found.saves.ns, 40000);
    cr_assert(case_finds(&c, finding_temporary));
    cr_expect_eq(c.found.saves.calls, 900);
    cr_expect_eq(c.found.saves.ns, 36000);
    cr_expect_eq(number_of(&c.found, "temporary_permille"), 900);
    cr_expect_eq(number_of(&c.found, "same_activation_permille"), 950);
    case_finish(&c);
}

/* One size again and again, a sixteenth alive at once; each lives through 63 other allocations. */
static struct finding_case pooled(void)
{
    struct finding_case c = case_create();
    c.group.allocs = 1600;
    c.group.alloc_ns = 16000;
    c.group.freed = 1600;
    c.group.max_blocks = 100;
    case_fill(&c.group.size, 48, 1600);
    case_fill(&c.group.life_allocs, 63, 1600);
    return c;
}

/* 99 of them would be a sixteenth too. */
static struct finding_case pooled_few(void)
{
    struct finding_case c = pooled();
    c.group.allocs = ALLOCS_MIN;
    c.group.freed = ALLOCS_MIN - 1;
    c.group.max_blocks = 6;
    return c;
}

/* As many alive at once as there may be, for longer, freed elsewhere. */
static struct finding_case kept_cold(void)
{
    struct finding_case c = pooled();
    c.group.max_blocks = 200;
    case_fill(&c.group.life_allocs, 64, 1600);
    return c;
}

Test(finding_short, pool_and_cold_pool_begin_where_their_definitions_say)
{
    static const struct finding_edge pool[] = {
        CASE_EDGE(group.max_blocks, 100, 101),
        CASE_EDGE(group.max_blocks, 1, 0),
        CASE_EDGE(group.freed, 1440, 1439),
        CASE_EDGE(group.replaced, 800, 801),
    };
    static const struct finding_edge few[] = {CASE_EDGE(group.allocs, ALLOCS_MIN, ALLOCS_MIN - 1)};
    static const struct finding_edge cold[] = {
        CASE_EDGE(group.max_blocks, 200, 201),
        CASE_EDGE(group.freed, 1440, 1439),
        CASE_EDGE(group.same_frame, 160, 162), /* a tenth; the share is of whole per mille */
        CASE_EDGE(group.replaced, 800, 801),
    };
    CASE_EDGES(pooled, finding_pool, pool);
    CASE_EDGES(pooled_few, finding_pool, few);
    CASE_EDGES(kept_cold, finding_cold_pool, cold);
}

Test(finding_short, who_lives_through_64_allocations_is_kept_on_purpose)
{
    struct finding_case c = pooled();
    cr_expect(case_finds(&c, finding_pool));
    cr_expect_not(case_finds(&c, finding_cold_pool));
    case_fill(&c.group.life_allocs, 64, 1600);
    cr_expect_not(case_finds(&c, finding_pool));
    cr_expect(case_finds(&c, finding_cold_pool));
    case_finish(&c);
}

Test(finding_short, four_sizes_hold_nine_tenths)
{
    static const struct {
        uint64_t fourth;
        uint64_t fifth;
        bool is_pool;
    } cases[] = {{240, 160, true}, {239, 161, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finding_case c = pooled();
        case_fill(&c.group.size, 10, cases[i].fifth); /* the fewest come first, not last */
        hist_add(&c.group.size, 20, cases[i].fourth);
        for (uint16_t k = 3; k < 6; k++) {
            hist_add(&c.group.size, (uint16_t)(10 * k), 400);
        }
        cr_expect_eq(case_finds(&c, finding_pool), cases[i].is_pool, "case %zu", i);
        case_fill(&c.group.life_allocs, 64, 1600);
        cr_expect_eq(case_finds(&c, finding_cold_pool), cases[i].is_pool, "case %zu", i);
        case_finish(&c);
    }
}

/* Any size up to 1 MiB, each gone before the next: one buffer that grows would do. */
Test(finding_short, one_buffer_of_any_size_up_to_1_mib_serves_what_is_gone_at_once)
{
    struct finding_case c = pooled();
    c.group.temporaries = 1440;
    hist_finish(&c.group.size);
    for (uint16_t i = 0; i < 16; i++) {
        hist_add(&c.group.size, loglin_code(MIB) - i, 100);
    }
    cr_expect(case_finds(&c, finding_pool));
    cr_expect_eq(c.found.confidence, FINDING_MEDIUM);
    c.group.temporaries = 1439;
    cr_expect_not(case_finds(&c, finding_pool), "not each is gone before the next");
    c.group.temporaries = 1600;
    hist_add(&c.group.size, loglin_code(MIB) + 1, 100);
    cr_expect_not(case_finds(&c, finding_pool), "too large to be kept");
    case_finish(&c);
}

Test(finding_short, a_pool_saves_all_blocks_but_those_that_it_holds)
{
    struct finding_case c = pooled();
    cr_assert(case_finds(&c, finding_pool));
    cr_expect_eq(c.found.confidence, FINDING_MEDIUM);
    cr_expect_eq(c.found.saves.calls, 1500);
    cr_expect_eq(c.found.saves.ns, 15000);
    cr_expect_eq(number_of(&c.found, "pool_blocks"), 100);
    cr_expect_eq(number_of(&c.found, "pool_bytes"), 4800);
    cr_expect_eq(number_of(&c.found, "life_p50_allocations"), 63);
    c.group.temporaries = 1440;
    cr_assert(case_finds(&c, finding_pool));
    cr_expect_eq(c.found.confidence, FINDING_HIGH, "each is gone before the next is made");
    case_finish(&c);
    c = kept_cold();
    cr_assert(case_finds(&c, finding_cold_pool));
    cr_expect_eq(c.found.confidence, FINDING_LOW, "events do not show a pool's hits");
    cr_expect_eq(c.found.saves.calls, 1400);
    case_finish(&c);
}
