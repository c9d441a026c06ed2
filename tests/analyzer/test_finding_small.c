/* Where boxed, arena and oversized begin, and what they say. */
#include "insight/finding.h"

#include <criterion/criterion.h>

#include "finding_case.h"

enum { KIB = 1024, POINTER_BYTES = sizeof(void *) };

Test(finding_small, of_nothing_there_is_no_finding)
{
    struct finding_case c = case_create();
    c.facts.is_glibc = true;
    cr_expect_not(case_finds(&c, finding_boxed));
    cr_expect_not(case_finds(&c, finding_arena));
    cr_expect_not(case_finds(&c, finding_oversized));
    case_finish(&c);
}

/* 1000 numbers, each in a block of its own. */
static struct finding_case boxed(void)
{
    struct finding_case c = case_create();
    c.facts.is_glibc = true;
    c.group.site = 1;
    c.group.allocs = 1000;
    c.group.alloc_ns = 30000;
    c.group.free_ns = 10000;
    c.group.max_blocks = 1000;
    c.group.peak_bytes = 8000;
    case_fill(&c.group.size, 8, 1000);
    return c;
}

/* A fifth of 500 are alive at once. */
static struct finding_case boxed_few(void)
{
    struct finding_case c = boxed();
    c.group.allocs = 500;
    return c;
}

Test(finding_small, boxed_wants_a_hundred_boxes_and_a_tenth_of_all_alive_at_once)
{
    static const struct finding_edge share[] = {CASE_EDGE(group.allocs, 10000, 10001)};
    static const struct finding_edge few[] = {CASE_EDGE(group.max_blocks, 100, 99)};
    CASE_EDGES(boxed, finding_boxed, share);
    CASE_EDGES(boxed_few, finding_boxed, few);
}

Test(finding_small, a_box_is_no_larger_than_a_pointer_and_nearly_all_have_one_size)
{
    static const struct {
        uint16_t other_size;
        uint64_t others; /* beside 950 of 8 bytes */
        bool is_boxed;
    } cases[] = {{4, 50, true}, {4, 51, false}, {9, 1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finding_case c = boxed();
        case_fill(&c.group.size, 8, 950);
        hist_add(&c.group.size, cases[i].other_size, cases[i].others);
        cr_expect_eq(case_finds(&c, finding_boxed), cases[i].is_boxed, "case %zu", i);
        case_finish(&c);
    }
}

/* The structure that holds the pointers: about as large as they are, or up to four times that. */
Test(finding_small, boxed_is_sure_where_what_holds_the_pointers_is_seen)
{
    static const struct {
        uint64_t holder_bytes;
        uint32_t site;
        enum finding_confidence confidence;
    } cases[] = {
        {1000 * POINTER_BYTES, 2, FINDING_HIGH},   {900 * POINTER_BYTES, 2, FINDING_MEDIUM},
        {3900 * POINTER_BYTES, 2, FINDING_HIGH},   {5 * 1000 * POINTER_BYTES, 2, FINDING_MEDIUM},
        {1000 * POINTER_BYTES, 1, FINDING_MEDIUM}, /* the boxes' own call site */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finding_case c = boxed();
        while (c.profile->sites.count < 3) {
            (void)MEM_PUSH(&c.profile->sites);
        }
        case_fill(&c.profile->sites.at[cases[i].site].size, cases[i].holder_bytes, 1);
        cr_assert(case_finds(&c, finding_boxed));
        cr_expect_eq(c.found.confidence, cases[i].confidence, "case %zu", i);
        case_finish(&c);
    }
}

Test(finding_small, boxed_saves_all_blocks_and_what_they_hold_at_the_peak)
{
    struct finding_case c = boxed();
    cr_assert(case_finds(&c, finding_boxed));
    cr_expect_eq(c.found.saves.calls, 1000);
    cr_expect_eq(c.found.saves.ns, 40000);
    cr_expect_eq(c.found.saves.memory_bytes, 8000);
    cr_expect_eq(number_of(&c.found, "size_bytes"), 8);
    cr_expect_eq(number_of(&c.found, "taken_bytes"), 32, "glibc's smallest chunk");
    c.facts.is_jemalloc = true;
    cr_assert(case_finds(&c, finding_boxed));
    cr_expect_eq(number_of(&c.found, "taken_bytes"), 8, "jemalloc's smallest class");
    case_finish(&c);
}

/* 1000 nodes, half of which died in a burst. */
static struct finding_case burst(void)
{
    struct finding_case c = case_create();
    c.group.allocs = 1000;
    c.group.alloc_ns = 30000;
    c.group.free_ns = 10000;
    c.group.bytes = 48000;
    c.group.burst_frees = 500;
    c.group.bursts = 2;
    c.group.max_blocks = 300;
    case_fill(&c.group.size, 48, 1000);
    return c;
}

Test(finding_small, an_arena_wants_256_blocks_half_of_them_in_bursts)
{
    static const struct finding_edge edges[] = {CASE_EDGE(group.burst_frees, 500, 499),
                                                CASE_EDGE(group.allocs, 256, 255)};
    CASE_EDGES(burst, finding_arena, edges);
}

Test(finding_small, an_arena_is_of_blocks_up_to_4_kib)
{
    struct finding_case c = burst();
    case_fill(&c.group.size, 4 * KIB, 1000);
    cr_expect(case_finds(&c, finding_arena));
    case_finish(&c);
    c = burst();
    case_fill(&c.group.size, 4 * KIB, 1);
    hist_add(&c.group.size, loglin_code(4 * KIB) + 1, 2);
    cr_expect_not(case_finds(&c, finding_arena), "the median is larger");
    case_finish(&c);
}

Test(finding_small, an_arena_is_sure_where_nearly_all_have_one_size_and_die_in_bursts)
{
    static const struct {
        uint64_t burst_frees;
        uint64_t of_one_size;
        enum finding_confidence confidence;
    } cases[] = {{900, 500, FINDING_HIGH}, {899, 500, FINDING_MEDIUM}, {900, 499, FINDING_MEDIUM}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finding_case c = burst();
        c.group.burst_frees = cases[i].burst_frees;
        case_fill(&c.group.size, 48, cases[i].of_one_size);
        hist_add(&c.group.size, 32, (1000 - cases[i].of_one_size) / 2);
        hist_add(&c.group.size, 16, 1000 - c.group.size.count);
        cr_assert(case_finds(&c, finding_arena));
        cr_expect_eq(c.found.confidence, cases[i].confidence, "case %zu", i);
        case_finish(&c);
    }
}

/* Chunks of 64 KiB stay: one more than are full. */
Test(finding_small, an_arena_saves_all_calls_but_those_for_its_chunks)
{
    struct finding_case c = burst();
    c.group.bytes = 3 * 64 * KIB;
    cr_assert(case_finds(&c, finding_arena));
    cr_expect_eq(c.found.saves.calls, 1000 - 4);
    cr_expect_eq(c.found.saves.ns, 40000 * 996 / 1000);
    cr_expect_eq(number_of(&c.found, "burst_permille"), 500);
    cr_expect_eq(number_of(&c.found, "bursts"), 2);
    cr_expect_eq(number_of(&c.found, "free_ns"), 10000);
    c.group.bytes = 2000 * 64 * KIB;
    cr_assert(case_finds(&c, finding_arena));
    cr_expect_eq(c.found.saves.calls, 0, "more chunks than blocks");
    case_finish(&c);
}

/* 32 bytes: glibc's chunk has room for 40, a quarter more; of 256 KiB that is 64 KiB. */
static struct finding_case rounded_up(void)
{
    struct finding_case c = case_create();
    c.facts.is_glibc = true;
    c.group.allocs = 10000;
    c.group.bytes = 320000;
    c.group.peak_bytes = 256 * KIB;
    case_fill(&c.group.size, 32, 10000);
    return c;
}

Test(finding_small, oversized_wants_64_kib_at_the_peak_and_a_quarter_of_what_was_asked)
{
    static const struct finding_edge edges[] = {
        CASE_EDGE(group.peak_bytes, 256 * KIB, 256 * KIB - 1),
        CASE_EDGE(group.bytes, 320000, 320001 + 1280),
    };
    CASE_EDGES(rounded_up, finding_oversized, edges);
    struct finding_case c = rounded_up();
    cr_assert(case_finds(&c, finding_oversized));
    cr_expect_eq(c.found.saves.memory_bytes, 64 * KIB);
    cr_expect_eq(number_of(&c.found, "wasted_permille"), 250);
    cr_expect_eq(c.found.confidence, FINDING_LOW, "computed, not measured");
    case_finish(&c);
}

/* What glibc and jemalloc 5 set aside, by their documentation; glibc's without the 8 bytes that
 * are the chunk's own. */
Test(finding_small, the_classes_are_those_of_the_allocators)
{
    static const struct {
        uint64_t size;
        uint64_t glibc;
        uint64_t jemalloc;
    } cases[] = {{1, 24, 8},   {8, 24, 8},   {9, 24, 16},  {24, 24, 32},   {25, 40, 32},
                 {40, 40, 48}, {41, 56, 48}, {65, 72, 80}, {113, 120, 128}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned is_jemalloc = 0; is_jemalloc < 2; is_jemalloc++) {
            struct finding_case c = rounded_up();
            uint64_t taken = is_jemalloc != 0 ? cases[i].jemalloc : cases[i].glibc;
            uint64_t wasted = (taken - cases[i].size) * 1000 / cases[i].size;
            c.facts.is_glibc = is_jemalloc == 0;
            c.facts.is_jemalloc = is_jemalloc != 0;
            c.group.bytes = 10000 * cases[i].size;
            c.group.peak_bytes = 1000000000; /* however little it is, it counts */
            case_fill(&c.group.size, cases[i].size, 10000);
            bool is_found = case_finds(&c, finding_oversized);
            cr_expect_eq(is_found, wasted >= 250, "%" PRIu64 " bytes", cases[i].size);
            cr_expect(!is_found || number_of(&c.found, "wasted_permille") == wasted,
                      "%" PRIu64 " bytes", cases[i].size);
            case_finish(&c);
        }
    }
}

/* Four classes for each doubling: from 129 on what is above 1.25 times the size is not there. */
Test(finding_small, jemallocs_larger_classes_waste_less_than_a_quarter)
{
    struct finding_case c = rounded_up();
    c.facts.is_glibc = false;
    c.facts.is_jemalloc = true;
    c.group.peak_bytes = 1000000000;
    for (uint64_t size = 129; size < 4096; size += 7) {
        c.group.bytes = 10000 * size;
        case_fill(&c.group.size, size, 10000);
        cr_expect_not(case_finds(&c, finding_oversized), "%" PRIu64 " bytes", size);
    }
    case_finish(&c);
}
