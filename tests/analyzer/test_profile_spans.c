/* Spans of two runs, added up. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "heap/profile_spans.h"
#include "sample_profile.h"

static uint64_t allocs_of(const struct profile *p, uint32_t span)
{
    uint64_t allocs = 0;
    for (size_t i = 0; i < p->span_calls.count; i++) {
        allocs += p->span_calls.at[i].span == span ? p->span_calls.at[i].counts.allocs : 0;
    }
    return allocs;
}

Test(profile_spans, equal_spans_add_up)
{
    struct profile *a = sample_profile(3);
    struct profile *b = sample_profile(5);
    profile_merge(a, b);
    cr_assert_eq(a->spans.count, 2);
    cr_assert_eq(a->span_calls.count, 1);
    cr_assert_eq(allocs_of(a, 1), 4);
    cr_assert_eq(a->span_calls.at[0].latency.count, 4);
    cr_assert(a->spans.at[1].times == 6 && a->spans.at[1].ns == 1000);
    profile_destroy(b);
    profile_destroy(a);
}

Test(profile_spans, the_second_mark_of_a_name_is_another_one)
{
    struct profile *a = sample_profile(3);
    struct profile *b = sample_profile(3);
    *MEM_PUSH(&b->spans) =
        (struct profile_span){PROFILE_MARK, mem_strings_keep(b->strings, "warm"), 20, 1, 0, 0};
    *MEM_PUSH(&b->spans) =
        (struct profile_span){PROFILE_FORBID, mem_strings_keep(b->strings, "parse"), 20, 1, 0, 0};
    profile_merge(a, b);
    cr_assert_eq(a->spans.count, 4);
    cr_assert_eq(a->spans.at[0].times, 2);
    cr_assert_str_eq(a->spans.at[2].name, "warm");
    cr_assert_eq(a->spans.at[3].kind, PROFILE_FORBID);
    cr_assert_str_eq(profile_span_kind_name(PROFILE_FORBID), "forbidden zone");
    profile_destroy(b);
    profile_destroy(a);
}

/* A recording may hold any number of marks: they are found, not looked through. */
Test(profile_spans, many_marks_of_one_name_and_of_many)
{
    enum { MARKS = 300000 };
    struct profile *a = sample_profile(3);
    struct profile *b = sample_profile(3);
    for (uint64_t i = 0; i < MARKS; i++) {
        char name[32];
        snprintf(name, sizeof name, "mark %" PRIu64, i / 2 * (i % 2));
        *MEM_PUSH(&b->spans) =
            (struct profile_span){PROFILE_MARK, mem_strings_keep(b->strings, name), i, 1, 0, 0};
    }
    profile_merge(a, b);
    profile_merge(a, b);
    cr_assert_eq(a->spans.count, b->spans.count);
    for (size_t i = 2; i < a->spans.count; i++) {
        cr_assert_str_eq(a->spans.at[i].name, b->spans.at[i].name);
        cr_assert_eq(a->spans.at[i].times, 2);
    }
    profile_destroy(b);
    profile_destroy(a);
}
