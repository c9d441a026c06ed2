/*
 * export_json - what `alloctrap report --json` prints, alloctrap-report/1, with every call site.
 */
#include "export/export.h"
#include "view/report.h"

enum err_code export_json(const struct export_job *job, struct err *reterr)
{
    struct report report = {.profile = job->side.profile,
                            .selection = job->side.selection,
                            .rule = job->rule,
                            .file = job->side.path,
                            .shape = REPORT_SITES,
                            .key = RANK_ALLOCATIONS};
    report_json(&report, job->out);
    (void)reterr;
    return ERR_NONE;
}
