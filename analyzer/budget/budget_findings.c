#include "budget/budget_findings.h"

#include <stdlib.h>

#include "insight/advise.h"

/* Of one run: how many findings a list means, and where the first of them is. */
struct count {
    uint64_t findings;
    uint32_t site;
    const char *cannot_tell; /* static */
};

static bool is_meant(const struct policy_finding *wanted, const struct finding *finding)
{
    return (wanted->is_any_kind || finding->kind == wanted->kind) &&
           (int)finding->confidence > wanted->above;
}

static struct count count_in(const struct budget_run *run, const struct policy_budget *budget,
                             const struct policy_finding *wanted)
{
    const struct advise_options options = {.threshold_permille = ADVISE_THRESHOLD_PERMILLE};
    struct advice *advice = advise_profile(run->profile, &options);
    bool *is_matched = budget_sites_match(&run->sites, &budget->match);
    struct count count = {.cannot_tell = advice->cannot_tell};
    for (size_t i = 0; i < advice->findings.count; i++) {
        const struct finding *finding = &advice->findings.at[i];
        bool is_site = is_matched[finding->site] && !run->sites.at.at[finding->site].is_ignored;
        if (is_site && is_meant(wanted, finding)) {
            count.site = count.findings == 0 ? finding->site : count.site;
            count.findings += 1;
        }
    }
    free(is_matched);
    advise_destroy(advice);
    return count;
}

static char *words_for(const struct policy_finding *wanted)
{
    const char *of = wanted->is_any_kind ? "of any kind" : "of kind ";
    const char *kind = wanted->is_any_kind ? "" : finding_name(wanted->kind);
    if (wanted->above < 0) {
        return mem_format("findings %s%s", of, kind);
    }
    return mem_format("findings %s%s above %s confidence", of, kind,
                      finding_confidence_name((enum finding_confidence)wanted->above));
}

static struct check_site place_of(const struct check *check, size_t run, const struct count *count)
{
    const struct budget_sites *sites = &check->runs[run].sites;
    const struct budget_site *at = &sites->at.at[count->site];
    return (struct check_site){.key = at->key,
                               .label = sites->names.at[at->label],
                               .file = sites->names.at[at->file],
                               .module = sites->names.at[at->module],
                               .line = at->line,
                               .now = count->findings};
}

/* The least of the runs, like every count. */
static void count_all(const struct check *check, const struct policy_budget *budget,
                      const struct policy_finding *wanted, struct check_line *line)
{
    for (size_t i = 0; i < check->run_count && line->why == NULL; i++) {
        struct count count = count_in(&check->runs[i], budget, wanted);
        if (count.cannot_tell != NULL) {
            line->why = mem_text(count.cannot_tell);
        }
        line->least = i == 0 || count.findings < line->least ? count.findings : line->least;
        line->most = count.findings > line->most ? count.findings : line->most;
        if (count.findings > 0) {
            line->worst = place_of(check, i, &count);
        }
    }
    line->actual.num = line->least;
}

static void judge_list(struct check *check, struct check_budget *b,
                       const struct policy_finding *wanted, struct check_line *line)
{
    count_all(check, b->policy, wanted, line);
    if (line->why != NULL) {
        line->verdict = CHECK_INCONCLUSIVE;
    } else if (line->least > wanted->max) {
        line->verdict = b->policy->severity == POLICY_WARN ? CHECK_WARNED : CHECK_BROKEN;
    } else {
        line->worst = (struct check_site){.key = NULL};
    }
    if (line->worst.key != NULL && b->moved_count == 0) {
        b->moved_by = METRIC_FINDINGS;
        b->moved[b->moved_count++] = line->worst;
    }
}

void judge_findings(struct check *check, struct check_budget *b, const char *why)
{
    for (size_t i = 0; i < b->policy->finding_count; i++) {
        const struct policy_finding *wanted = &b->policy->findings[i];
        struct check_line line = {.budget = check->budgets.count - 1,
                                  .metric = METRIC_FINDINGS,
                                  .actual = {0, 1},
                                  .limit = {wanted->max, 1},
                                  .allowed = {wanted->max, 1},
                                  .base = {0, 1},
                                  .words = words_for(wanted)};
        if (why != NULL) {
            line.why = mem_text(why);
            line.verdict = CHECK_INCONCLUSIVE;
        } else {
            judge_list(check, b, wanted, &line);
        }
        *MEM_PUSH(&check->lines) = line;
    }
}
