/*
 * export_json - what `alloctrap report --json` prints, alloctrap-report/1, with every call site.
 */
#include "export/export.h"
#include "insight/advise.h"
#include "view/report.h"

enum err_code export_json(const struct export_job *job, struct err *reterr)
{
    struct report report = {.profile = job->side.profile,
                            .selection = job->side.selection,
                            .rule = job->rule,
                            .file = job->side.path,
                            .shape = REPORT_SITES,
                            .key = RANK_ALLOCATIONS};
    struct advise_options asked = {.threshold_permille = ADVISE_THRESHOLD_PERMILLE,
                                   .wrappers = &report.wrappers};
    struct advice *advice = advise_profile(job->side.profile, &asked);
    report.advice = advice;
    report_json(&report, job->out);
    advise_destroy(advice);
    (void)reterr;
    return ERR_NONE;
}
