/*
 * export_hgrm - the latencies of one function, or of all, as HdrHistogram's percentile text: what
 * `alloctrap report --hgrm` prints.
 */
#include <string.h>

#include "export/export.h"
#include "view/report.h"

static bool is_known(const char *call)
{
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (call == NULL || strcmp(call, hook_call_name(i)) == 0) {
            return true;
        }
    }
    return false;
}

enum err_code export_hgrm(const struct export_job *job, struct err *reterr)
{
    if (!is_known(job->call)) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--call names a function of the allocator: malloc, free, 'operator new'");
    }
    struct report report = {.profile = job->side.profile, .selection = job->side.selection};
    report_hgrm(&report, job->call, job->out);
    return ERR_NONE;
}
