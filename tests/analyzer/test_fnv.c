#include "base/fnv.h"

#include <criterion/criterion.h>

/* Of the test vectors of the algorithm's authors. */
Test(fnv, gives_what_its_authors_say)
{
    cr_assert_eq(fnv_text(""), FNV_START);
    cr_assert_eq(fnv_text("a"), UINT64_C(0xaf63dc4c8601ec8c));
    cr_assert_eq(fnv_text("foobar"), UINT64_C(0x85944171f73967e8));
}

Test(fnv, a_number_is_its_bytes_from_the_lowest_on)
{
    cr_assert_eq(fnv_number(FNV_START, UINT64_C(0x6867666564636261)), fnv_text("abcdefgh"));
    cr_assert_eq(fnv_number(fnv_text("a"), UINT64_C(0x6968676665646362)), fnv_text("abcdefghi"));
}
