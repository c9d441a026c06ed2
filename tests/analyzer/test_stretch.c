#include "symbol/stretch.h"

#include <criterion/criterion.h>

static struct stretches list;

static void forget(void)
{
    stretches_finish(&list);
}

TestSuite(stretch, .fini = forget);

static size_t owner_of(uint64_t address)
{
    const struct stretch *found = stretches_find(&list, address);
    return found != NULL ? found->owner : SIZE_MAX;
}

Test(stretch, the_innermost_stretch_is_found)
{
    stretches_add(&list, 300, 400, 3);
    stretches_add(&list, 100, 200, 0);
    stretches_add(&list, 120, 150, 1);
    stretches_add(&list, 120, 130, 2);
    stretches_sort(&list);
    cr_assert_eq(owner_of(99), SIZE_MAX);
    cr_assert_eq(owner_of(100), 0);
    cr_assert_eq(owner_of(125), 2);
    cr_assert_eq(owner_of(140), 1);
    cr_assert_eq(owner_of(150), 0);
    cr_assert_eq(owner_of(200), SIZE_MAX);
    cr_assert_eq(owner_of(399), 3);
    cr_assert_eq(owner_of(UINT64_MAX), SIZE_MAX);
}

Test(stretch, of_copies_the_lowest_owner_is_found)
{
    for (size_t owner = 5; owner > 0; owner--) {
        stretches_add(&list, 100, 200, owner % 5 + 7);
    }
    stretches_sort(&list);
    cr_assert_eq(owner_of(150), 7);
}

Test(stretch, nothing_is_found_in_an_empty_list)
{
    stretches_sort(&list);
    cr_assert_null(stretches_find(&list, 0));
}

/* One wide stretch around many short ones: it is found behind them, however far back it begins. */
Test(stretch, a_wide_stretch_is_found_behind_many_short_ones)
{
    stretches_add(&list, 0, 1000000, 1);
    for (uint64_t i = 0; i < 10000; i++) {
        stretches_add(&list, i * 10, i * 10 + 5, 2);
    }
    stretches_sort(&list);
    cr_assert_eq(owner_of(50003), 2);
    cr_assert_eq(owner_of(50007), 1);
    cr_assert_eq(owner_of(999999), 1);
}
