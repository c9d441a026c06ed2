#include "heap/heap_hist.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { VALUES = 5000 };

static struct heap_hist_budget budget;

static void check_equal(const struct hist *actual, const struct hist *expected)
{
    cr_assert_eq(actual->count, expected->count);
    cr_assert_eq(actual->bin_count, expected->bin_count);
    for (uint32_t i = 0; i < actual->bin_count; i++) {
        cr_assert_eq(actual->bins[i].code, expected->bins[i].code);
        cr_assert_eq(actual->bins[i].count, expected->bins[i].count);
    }
}

/* What is read at any age is what a plain histogram of the same values holds. */
static void compare(size_t count)
{
    struct heap_hist hist = {0};
    struct hist plain = {0};
    struct hist read = {0};
    srand(3);
    for (size_t i = 0; i < count; i++) {
        uint16_t code = (uint16_t)(rand() % (i % 7 == 0 ? LOGLIN_CODES : 100));
        heap_hist_add(&hist, code, &budget);
        hist_add(&plain, code, 1);
    }
    heap_hist_read(&hist, &read);
    check_equal(&read, &plain);
    heap_hist_read(&hist, &read);
    check_equal(&read, &plain);
    heap_hist_merge(&hist, &read);
    cr_assert_eq(read.count, 2 * plain.count);
    heap_hist_finish(&hist);
    hist_finish(&plain);
    hist_finish(&read);
}

Test(heap_hist, it_is_as_exact_before_and_after_it_becomes_dense)
{
    budget = (struct heap_hist_budget){0};
    compare(0);
    compare(1);
    compare(HEAP_HIST_DENSE_AT - 1);
    cr_assert_eq(budget.bytes_used, 0, "young ones take no counters");
    compare(2 * HEAP_HIST_DENSE_AT);
    compare(VALUES);
    cr_assert_gt(budget.bytes_used, 0);
}

Test(heap_hist, beyond_the_budget_it_stays_sparse_and_as_exact)
{
    budget = (struct heap_hist_budget){.bytes_used = HEAP_HIST_DENSE_BYTES};
    compare(VALUES);
    cr_assert_eq(budget.bytes_used, HEAP_HIST_DENSE_BYTES);
}
