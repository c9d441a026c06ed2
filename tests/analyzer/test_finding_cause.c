#include "insight/finding_cause.h"

#include <criterion/criterion.h>
#include <string.h>

static struct finding_group group;
static struct finding finding;

static void measured(enum profile_cause cause, uint64_t calls, uint64_t ns)
{
    group.slow[cause] = (struct profile_slow_cause){.cause = (uint8_t)cause,
                                                    .calls = calls,
                                                    .ns = ns,
                                                    .minor_faults = 5 * calls,
                                                    .voluntary = calls};
}

static void set_up(void)
{
    group = (struct finding_group){0};
    finding = (struct finding){.kind = FINDING_SLOW_CALLS};
}

TestSuite(finding_cause, .init = set_up);

Test(finding_cause, without_measured_calls_none_is_named)
{
    cr_assert_not(finding_cause_name(&group, &finding));
    cr_assert_null(finding.cause);
    measured(PROFILE_CAUSE_LOCK, 2, 100000);
    cr_assert_not(finding_cause_name(&group, &finding), "two are too few");
    cr_assert_eq(finding.number_count, 0);
}

Test(finding_cause, the_one_with_most_of_the_time_is_named_with_its_evidence)
{
    measured(PROFILE_CAUSE_LOCK, 20, 900000);
    measured(PROFILE_CAUSE_PREEMPTION, 80, 100000);
    cr_assert(finding_cause_name(&group, &finding));
    cr_assert_eq(finding.cause_kind, PROFILE_CAUSE_LOCK);
    cr_assert_eq(finding.confidence, FINDING_MEDIUM);
    cr_assert_eq(finding.number_count, 4);
    cr_assert_eq(finding.numbers[0].value, 100, "measured");
    cr_assert_eq(finding.numbers[1].value, 900, "per mille of their time");
    cr_assert_eq(finding.numbers[2].value, 100, "faults of the cause's calls alone");
    cr_assert_eq(finding.numbers[3].value, 20, "and their switches");
    cr_assert_eq(finding_advice_of(&finding), finding_cause_advice(PROFILE_CAUSE_LOCK));
    cr_assert_eq(finding_example_of(&finding), finding_cause_example(PROFILE_CAUSE_LOCK));
}

Test(finding_cause, mixed_causes_are_none)
{
    measured(PROFILE_CAUSE_FIRST_TOUCH, 50, 400000);
    measured(PROFILE_CAUSE_PREEMPTION, 50, 300000);
    measured(PROFILE_CAUSE_LOCK, 50, 300000);
    cr_assert_not(finding_cause_name(&group, &finding));
    cr_assert_eq(finding_advice_of(&finding), finding_advice(FINDING_SLOW_CALLS));
}

/* What the program cannot change, or what the machine's doings look like, stays a hint. */
Test(finding_cause, few_calls_and_the_machines_doings_are_hints)
{
    measured(PROFILE_CAUSE_MMAP, 5, 400000);
    cr_assert(finding_cause_name(&group, &finding));
    cr_assert_eq(finding.confidence, FINDING_LOW);
    const enum profile_cause machines[] = {PROFILE_CAUSE_PREEMPTION, PROFILE_CAUSE_CONSOLIDATION};
    for (unsigned i = 0; i < 2; i++) {
        set_up();
        measured(machines[i], 500, 40000000);
        cr_assert(finding_cause_name(&group, &finding));
        cr_assert_eq(finding.cause_kind, machines[i]);
        cr_assert_eq(finding.confidence, FINDING_LOW);
    }
}

Test(finding_cause, each_cause_has_an_advice_with_a_line_of_c)
{
    cr_assert_null(finding_cause_advice(PROFILE_CAUSE_NONE));
    cr_assert_null(finding_cause_example(PROFILE_CAUSE_NONE));
    for (int i = 1; i < PROFILE_CAUSES; i++) {
        cr_assert_gt(strlen(finding_cause_advice((enum profile_cause)i)), 100);
        cr_assert_not_null(strchr(finding_cause_example((enum profile_cause)i), ';'));
    }
}
