#include "insight/rank.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "story_profile.h"

static struct profile *profile;
static struct selection selection;

static void set_up(void)
{
    struct select_rule rule = {0};
    profile = story_profile(STORY_BEFORE);
    cr_assert_eq(select_sites(profile, &rule, &selection, NULL), ERR_NONE);
}

static void tear_down(void)
{
    select_finish(&selection);
    profile_destroy(profile);
}

TestSuite(rank, .init = set_up, .fini = tear_down);

Test(rank, every_name_is_its_key)
{
    static const char *const names[] = {"allocations", "bytes", "peak", "live",
                                        "temporaries", "time",  "p99"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        enum rank_key key;
        cr_assert(rank_key_parse(names[i], &key));
        cr_assert_eq((size_t)key, i);
        cr_assert_str_eq(rank_key_name(key), names[i]);
    }
    enum rank_key key = RANK_P99;
    cr_assert_not(rank_key_parse("size", &key));
    cr_assert_eq(key, RANK_P99);
}

Test(rank, every_key_puts_the_largest_first)
{
    for (int key = RANK_ALLOCATIONS; key <= RANK_P99; key++) {
        uint32_t *sites;
        size_t count = rank_sites(profile, &selection, (enum rank_key)key, false, &sites);
        cr_assert_geq(count, 2);
        for (size_t i = 1; i < count; i++) {
            cr_assert_geq(rank_value(profile, &selection, sites[i - 1], (enum rank_key)key),
                          rank_value(profile, &selection, sites[i], (enum rank_key)key));
        }
        free(sites);
    }
}

Test(rank, leaves_out_sites_with_nothing_to_show_unless_asked)
{
    uint32_t *sites;
    cr_assert_eq(rank_sites(profile, &selection, RANK_LIVE, false, &sites), 2);
    free(sites);
    cr_assert_eq(rank_sites(profile, &selection, RANK_LIVE, true, &sites), 5);
    free(sites);
}
