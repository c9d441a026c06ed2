/* Where growth, presize and many-steps begin, and what they say. */
#include "insight/finding.h"

#include <criterion/criterion.h>
#include <string.h>

#include "finding_case.h"

Test(finding_growth, of_nothing_there_is_no_finding)
{
    struct finding_case c = case_create();
    cr_expect_not(case_finds(&c, finding_growth));
    cr_expect_not(case_finds(&c, finding_presize));
    cr_expect_not(case_finds(&c, finding_many_steps));
    case_finish(&c);
}

/* One long chain, each step of which adds little. */
static struct finding_case grown(uint64_t steps)
{
    struct finding_case c = case_create();
    c.group.allocs = steps + 1;
    c.group.growth = (struct profile_growth){.chains = 1, .steps = steps, .steps_max = steps};
    c.group.growth.longs =
        (struct profile_long){.chains = 1, .steps = steps, .first_bytes = 8, .last_bytes = 1000};
    return c;
}

static struct finding_case grown_enough(void)
{
    return grown(32);
}

Test(finding_growth, growth_wants_32_steps_a_quarter_of_them_small)
{
    static const struct finding_edge edges[] = {
        CASE_EDGE(group.growth.longs.steps, 32, 31),
        CASE_EDGE(group.growth.longs.chains, 1, 0),
        CASE_EDGE(group.growth.longs.geometric_steps, 24, 25),
    };
    CASE_EDGES(grown_enough, finding_growth, edges);
}

/* A recording is a file that anyone may have made. */
Test(finding_growth, more_geometric_steps_than_steps_are_no_growth)
{
    struct finding_case c = grown_enough();
    c.group.growth.longs.geometric_steps = 33;
    cr_expect_not(case_finds(&c, finding_growth));
    case_finish(&c);
}

Test(finding_growth, growth_is_sure_where_half_is_small_and_blocks_move)
{
    static const struct {
        uint64_t geometric;
        uint64_t in_place;
        enum finding_confidence confidence;
    } cases[] = {{50, 0, FINDING_HIGH},
                 {51, 0, FINDING_MEDIUM},
                 {0, 89, FINDING_HIGH},
                 {0, 90, FINDING_MEDIUM}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finding_case c = grown(100);
        c.group.growth.longs.geometric_steps = cases[i].geometric;
        c.group.growth.in_place_steps = cases[i].in_place;
        cr_assert(case_finds(&c, finding_growth));
        cr_expect_eq(c.found.confidence, cases[i].confidence, "case %zu", i);
        case_finish(&c);
    }
}

/* Two long chains from 8 bytes to 1000, which double 7 times, and some short ones. */
static struct finding_case grown_twice(void)
{
    struct finding_case c = grown(100);
    struct profile_growth *g = &c.group.growth;
    c.group.allocs = 200;
    c.group.alloc_ns = 3000;
    c.group.free_ns = 1000;
    g->chains = 12;
    g->steps = 120;
    g->copied_bytes = 9500;
    g->in_place_bytes = 3100;
    g->longs.chains = 2;
    g->longs.first_bytes = 2 * 8;
    g->longs.last_bytes = 2 * 1000;
    g->longs.copied_bytes = 9000;
    g->longs.in_place_bytes = 3000;
    return c;
}

Test(finding_growth, of_long_chains_the_doublings_stay_and_of_short_ones_nothing)
{
    struct finding_case c = grown_twice();
    cr_assert(case_finds(&c, finding_growth));
    cr_expect_eq(c.found.saves.calls, (100 - 2 * 7) + 20);
    cr_expect_eq(c.found.saves.copied_bytes, (9000 - 3000 - 2000) + (500 - 100));
    cr_expect_eq(c.found.saves.ns, (3000 + 1000) * 106 / 200, "the part that its calls have");
    cr_expect_eq(number_of(&c.found, "first_bytes"), 8);
    cr_expect_eq(number_of(&c.found, "last_bytes"), 1000);
    cr_expect_eq(number_of(&c.found, "copied_bytes"), 6000, "what stayed in place is not copied");
    cr_expect_eq(number_of(&c.found, "short_steps"), 20);
    case_finish(&c);
}

Test(finding_growth, nothing_saved_is_nothing_and_not_below_it)
{
    struct finding_case c = grown(33);
    c.group.growth.longs.chains = 5; /* 35 doublings */
    c.group.growth.longs.first_bytes = 5 * 8;
    c.group.growth.longs.last_bytes = 5 * 1000;
    c.group.growth.longs.copied_bytes = 4000;
    c.group.growth.copied_bytes = 4000;
    cr_assert(case_finds(&c, finding_growth));
    cr_expect_eq(c.found.saves.calls, 0);
    cr_expect_eq(c.found.saves.copied_bytes, 0);
    cr_expect_eq(c.found.saves.ns, 0);
    case_finish(&c);
}

static const char *words_of(const struct finding *f, const char *name)
{
    for (size_t i = 0; i < f->number_count; i++) {
        if (strcmp(f->numbers[i].name, name) == 0) {
            return f->numbers[i].words;
        }
    }
    return "";
}

Test(finding_growth, four_copies_of_the_final_size_are_called_quadratic)
{
    struct finding_case c = grown_enough();
    c.group.growth.longs.copied_bytes = 4000;
    cr_assert(case_finds(&c, finding_growth));
    cr_expect_eq(number_of(&c.found, "copies_of_final_size"), 4);
    cr_expect_not_null(strstr(words_of(&c.found, "copies_of_final_size"), "grows quadratically"));
    c.group.growth.longs.copied_bytes = 3999;
    cr_assert(case_finds(&c, finding_growth));
    cr_expect_eq(number_of(&c.found, "copies_of_final_size"), 3);
    cr_expect_not_null(strstr(words_of(&c.found, "copies_of_final_size"), "not quadratic"));
    case_finish(&c);
}

enum { ENDS_AT = 1000 };

/* 40 chains by realloc of three steps each; so many of them end at one size. */
static struct finding_case ending_alike(uint64_t alike)
{
    struct finding_case c = case_create();
    c.group.allocs = 160;
    c.group.alloc_ns = 1600;
    c.group.growth = (struct profile_growth){.chains = 40,
                                             .steps = 120,
                                             .copied_bytes = 7000,
                                             .in_place_bytes = 1000,
                                             .first_bytes = 40 * 8,
                                             .last_bytes = 40 * ENDS_AT};
    hist_add(&c.group.growth.last_size, loglin_code(ENDS_AT), alike);
    hist_add(&c.group.growth.last_size, loglin_code(4 * ENDS_AT), 40 - alike);
    return c;
}

static struct finding_case mostly_alike(void)
{
    return ending_alike(32);
}

/* Two steps each: 1.96 times the first size is a factor of 1.4 a step. */
static struct finding_case by_factor(void)
{
    struct finding_case c = ending_alike(40);
    c.group.growth.steps = 80;
    c.group.growth.first_bytes = 40 * 100;
    c.group.growth.last_bytes = 40 * 196;
    return c;
}

/* A step less than three each, and half of them by copy. */
static struct finding_case by_copy(void)
{
    struct finding_case c = ending_alike(40);
    c.group.growth.steps = 119;
    c.group.growth.by_copy_steps = 59;
    return c;
}

Test(finding_growth, presize_begins_where_its_definition_says)
{
    static const struct finding_edge alike[] = {
        CASE_EDGE(group.growth.chains, 32, 31), /* of which all are alike */
        CASE_EDGE(group.growth.chains, 40, 41), /* 32 of 41 are fewer than 80 % */
    };
    static const struct finding_edge factor[] = {
        CASE_EDGE(group.growth.last_bytes, 40 * 196, 40 * 196 - 1)};
    static const struct finding_edge copy[] = {CASE_EDGE(group.growth.by_copy_steps, 59, 60)};
    CASE_EDGES(mostly_alike, finding_presize, alike);
    CASE_EDGES(by_factor, finding_presize, factor);
    CASE_EDGES(by_copy, finding_presize, copy);
}

Test(finding_growth, three_steps_by_copy_each_leave_no_doubt)
{
    struct finding_case c = by_copy();
    c.group.growth.steps = 120;
    c.group.growth.by_copy_steps = 120;
    cr_expect(case_finds(&c, finding_presize));
    case_finish(&c);
}

Test(finding_growth, one_size_is_a_bin_and_its_neighbours)
{
    struct finding_case c = mostly_alike();
    struct hist *size = &c.group.growth.last_size;
    case_fill(size, ENDS_AT, 12);
    hist_add(size, loglin_code(ENDS_AT) - 1, 12);
    hist_add(size, loglin_code(ENDS_AT) + 1, 8);
    cr_expect(case_finds(&c, finding_presize));
    cr_expect_eq(number_of(&c.found, "same_size_permille"), 800);
    cr_expect_eq(number_of(&c.found, "same_size_bytes"), loglin_value(loglin_code(ENDS_AT)));
    case_fill(size, ENDS_AT, 12);
    hist_add(size, loglin_code(ENDS_AT) - 1, 12);
    hist_add(size, loglin_code(ENDS_AT) + 2, 8);
    cr_expect_not(case_finds(&c, finding_presize), "no neighbour");
    case_finish(&c);
}

Test(finding_growth, presize_saves_all_steps_and_is_sure_from_95_percent)
{
    struct finding_case c = ending_alike(38);
    cr_assert(case_finds(&c, finding_presize));
    cr_expect_eq(c.found.confidence, FINDING_HIGH);
    cr_expect_eq(c.found.saves.calls, 120);
    cr_expect_eq(c.found.saves.copied_bytes, 6000);
    cr_expect_eq(c.found.saves.ns, 1600 * 120 / 160);
    case_finish(&c);
    c = ending_alike(37);
    cr_assert(case_finds(&c, finding_presize));
    cr_expect_eq(c.found.confidence, FINDING_MEDIUM);
    case_finish(&c);
}

/* 8 results of four steps each by copy, which add a fifth in all. */
static struct finding_case pieced(void)
{
    struct finding_case c = case_create();
    c.group.allocs = 40;
    c.group.growth = (struct profile_growth){.chains = 8,
                                             .steps = 32,
                                             .by_copy_steps = 32,
                                             .copied_bytes = 3500,
                                             .first_bytes = 800,
                                             .last_bytes = 960};
    return c;
}

Test(finding_growth, many_steps_begins_where_its_definition_says)
{
    static const struct finding_edge edges[] = {
        CASE_EDGE(group.growth.steps, 32, 31),
        CASE_EDGE(group.growth.chains, 16, 17), /* two steps each and fewer */
        CASE_EDGE(group.growth.chains, 4, 3),   /* eight and more */
        CASE_EDGE(group.growth.by_copy_steps, 29, 28),
        CASE_EDGE(group.growth.last_bytes, 3073, 3074), /* 800 * 1.4^4 is 3073.28 */
    };
    CASE_EDGES(pieced, finding_many_steps, edges);
}

Test(finding_growth, many_steps_is_sure_where_nearly_all_blocks_are_steps)
{
    struct finding_case c = pieced();
    c.group.allocs = 35;
    cr_assert(case_finds(&c, finding_many_steps));
    cr_expect_eq(c.found.confidence, FINDING_HIGH);
    cr_expect_eq(c.found.saves.calls, 32);
    cr_expect_eq(c.found.saves.copied_bytes, 3500);
    c.group.allocs = 36;
    cr_assert(case_finds(&c, finding_many_steps));
    cr_expect_eq(c.found.confidence, FINDING_MEDIUM);
    case_finish(&c);
}
