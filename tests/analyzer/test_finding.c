#include "insight/finding.h"

#include <criterion/criterion.h>
#include <string.h>

#include "alloctrap/loglin.h"

Test(finding, every_kind_says_what_it_is_and_what_to_do)
{
    for (unsigned i = 0; i < FINDING_KINDS; i++) {
        enum finding_kind kind = (enum finding_kind)i;
        enum finding_kind parsed = FINDING_KINDS;
        cr_assert(finding_parse(finding_name(kind), &parsed));
        cr_assert_eq(parsed, kind);
        cr_assert_gt(strlen(finding_line(kind)), 15);
        cr_assert_gt(strlen(finding_advice(kind)), 100);
        cr_assert_not_null(strchr(finding_example(kind), ';'), "a line of C");
    }
    enum finding_kind none;
    cr_assert(!finding_parse("", &none));
    cr_assert(!finding_parse("growth ", &none));
}

Test(finding, evidence_is_kept_in_order_and_bounded)
{
    struct finding f = {0};
    for (uint64_t i = 0; i < FINDING_NUMBERS_MAX + 3; i++) {
        finding_add(&f, "n", "numbers", FINDING_COUNT, i);
    }
    cr_assert_eq(f.number_count, FINDING_NUMBERS_MAX);
    cr_assert_eq(f.numbers[FINDING_NUMBERS_MAX - 1].value, FINDING_NUMBERS_MAX - 1);
}

Test(finding, shares_do_not_overflow)
{
    cr_assert_eq(finding_permille(1, 0), 0);
    cr_assert_eq(finding_permille(1, 3), 333);
    cr_assert_eq(finding_permille(UINT64_MAX, UINT64_MAX), 1000);
    cr_assert_eq(finding_permille(UINT64_MAX, 1), UINT64_MAX);
}

/* Of a limit's own bin all values are the limit's, for a histogram keeps no more of them. */
Test(finding, a_histograms_value_is_compared_with_a_limit_by_bins)
{
    static const uint64_t limits[] = {0, 8, 256, 4096, 1 << 20, UINT64_MAX};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint16_t code = loglin_code(limits[i]);
        cr_expect(finding_is_up_to(loglin_value(code), limits[i]), "limit %zu", i);
        cr_expect(code == 0 || finding_is_up_to(loglin_value(code - 1), limits[i]));
        cr_expect(code + 1 == LOGLIN_CODES ||
                      !finding_is_up_to(loglin_value((uint16_t)(code + 1)), limits[i]),
                  "limit %zu", i);
    }
}
