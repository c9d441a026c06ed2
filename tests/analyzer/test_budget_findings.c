/* Findings as a budget: which of them a list means. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget_check.h"
#include "insight/advise.h"
#include "story_profile.h"

static struct check check;
static struct budget_run run;
static struct policy *policy;

static void judge(const char *budgets)
{
    static const struct policy_window whole;
    struct err err = {0};
    char *text = mem_format("version: 1\nbudgets:\n%s", budgets);
    cr_assert_eq(policy_parse("p", text, strlen(text), &policy, &err), ERR_NONE, "%s", err.message);
    free(text);
    run.profile = story_profile(STORY_BEFORE);
    run.profile->run.is_complete = true;
    memset(run.profile->lost, 0, sizeof run.profile->lost);
    budget_sites_make(&run.sites, run.profile, policy, NULL);
    budget_rows_make(&run.whole, run.profile, &whole);
    const struct check_question q = {
        .policy = policy, .runs = &run, .run_count = 1, .unit_name = ""};
    check_make(&check, &q);
}

static void clear(void)
{
    check_finish(&check);
    budget_rows_finish(&run.whole);
    budget_sites_finish(&run.sites);
    profile_destroy(run.profile);
    policy_destroy(policy);
}

/* What advise itself says, so that this test follows it. */
static uint64_t findings_above(int confidence)
{
    struct advise_options options = {.threshold_permille = ADVISE_THRESHOLD_PERMILLE};
    struct advice *advice = advise_profile(run.profile, &options);
    uint64_t count = 0;
    for (size_t i = 0; i < advice->findings.count; i++) {
        count += (int)advice->findings.at[i].confidence > confidence;
    }
    advise_destroy(advice);
    return count;
}

Test(budget_findings, all_of_them_are_counted, .fini = clear)
{
    judge("- {name: a, findings: [{kind: any}, {kind: any, above: medium, max: 100}]}\n");
    cr_assert_gt(findings_above(-1), 0);
    cr_assert_eq(check.lines.at[0].actual.num, findings_above(-1));
    cr_assert_eq(check.lines.at[1].actual.num, findings_above(FINDING_MEDIUM));
    cr_assert_eq(check.lines.at[0].verdict, CHECK_BROKEN);
    cr_assert_eq(check.lines.at[1].verdict, CHECK_OK);
    cr_assert_not_null(check.lines.at[0].worst.key);
    cr_assert_eq(check.status, CHECK_STATUS_BROKEN);
}

Test(budget_findings, a_match_and_a_severity_hold_for_them_too, .fini = clear)
{
    judge("- {name: a, match: {function: nobody}, findings: [{kind: any}]}\n"
          "- {name: b, severity: warn, findings: [{kind: any}]}\n");
    cr_assert_eq(check.lines.at[0].actual.num, 0);
    cr_assert_eq(check.lines.at[1].verdict, CHECK_WARNED);
    cr_assert_eq(check.status, CHECK_STATUS_OK);
}

static void refused(const char *text, const char *words)
{
    struct policy *bad = NULL;
    struct err err = {0};
    cr_assert_eq(policy_parse("p", text, strlen(text), &bad, &err), ERR_USAGE);
    cr_assert_not_null(strstr(err.message, words), "%s", err.message);
}

Test(budget_findings, mistakes_are_told)
{
    refused("version: 1\nbudgets:\n- {name: a, findings: [{kind: grwoth}]}\n",
            "did you mean 'growth'?");
    refused("version: 1\nbudgets:\n- {name: a, findings: [{above: low}]}\n", "'kind' is missing");
    refused("version: 1\nbudgets:\n- {name: a, limits: {findings: 0}}\n", "a list of its own");
    refused("version: 1\nbudgets:\n- {name: a, each: site, findings: [{kind: any}]}\n",
            "the whole run");
}
