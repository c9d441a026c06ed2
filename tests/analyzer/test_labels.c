/* Labels: one canonical text, whatever a person wrote. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/labels.h"
#include "base/mem.h"

static void expect(const char *given, const char *wanted, size_t wanted_refused)
{
    size_t refused = 99;
    char *got = labels_canonical(given, &refused);
    cr_expect_str_eq(got, wanted, "'%s' gave '%s'", given, got);
    cr_expect_eq(refused, wanted_refused, "'%s' refused %zu", given, refused);
    free(got);
}

Test(labels, are_sorted_and_said_once)
{
    expect("", "", 0);
    expect("b=2,a=1", "a=1,b=2", 0);
    expect("a=1,a=2", "a=2", 0);
    expect("a=x=y,,b= z ", "a=x=y,b= z ", 0);
    expect("_k.1-x=v", "_k.1-x=v", 0);
}

Test(labels, what_is_no_pair_is_counted)
{
    expect("a", "", 1);
    expect("a=,=b,1a=c,a b=c,ok=1", "ok=1", 4);
    expect("a=x\ny", "", 1);
}

Test(labels, are_bounded)
{
    char *many = mem_text("");
    for (int i = 0; i < LABELS_MAX + 10; i++) {
        char *longer = mem_format("%s,k%d=v", many, i);
        free(many);
        many = longer;
    }
    size_t refused = 0;
    char *kept = labels_canonical(many, &refused);
    cr_expect_eq(refused, 10);
    free(kept);
    free(many);
    char *large = mem_zero(LABELS_TEXT_MAX + 10, 1);
    memset(large, 'v', LABELS_TEXT_MAX + 1);
    char *pair = mem_format("k=%s", large);
    expect(pair, "", 1);
    free(pair);
    free(large);
}

Test(labels, common_ones_are_those_that_both_have)
{
    char *common = labels_common("a=1,b=2,c=3", "a=1,b=9,d=4");
    cr_expect_str_eq(common, "a=1");
    char *again = labels_common(common, "");
    cr_expect_str_eq(again, "");
    free(again);
    free(common);
}

Test(labels, a_value_is_found_by_its_key)
{
    char *value = labels_value("a=1,service=search", "service");
    cr_expect_str_eq(value, "search");
    free(value);
    cr_expect_null(labels_value("a=1", "b"));
}
