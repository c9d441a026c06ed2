/* Tests that assert allocations: "good" ones must pass and "bad" ones fail under the recorder, and
 * all of them skip without it. Built as C and as C++. */
#include <alloctrap/criterion.h>

#include <stdlib.h>

static void *volatile kept; /* no compiler may leave a pair out */

static void make(int count)
{
    for (int i = 0; i < count; i++) {
        kept = malloc(100);
        free(kept);
    }
}

static void leak(void)
{
    kept = malloc(1);
}

Test(good, counts_are_exact)
{
    cr_assert_allocations(make(3), ==, 3);
    cr_assert_allocations(make(3), <=, 3);
    cr_assert_frees(make(2), ==, 2);
    cr_assert_allocated_bytes(make(4), ==, 400);
    cr_assert_no_allocations((void)0);
    cr_assert_no_leak(make(5));
    cr_expect_allocations(make(1), <, 2);
}

Test(bad, one_too_many)
{
    cr_assert_allocations(make(4), <=, 3);
}

Test(bad, a_leak)
{
    cr_assert_no_leak(leak());
}
