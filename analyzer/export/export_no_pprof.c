/*
 * export_no_pprof - what stands in for export_pprof where alloctrap was built without protobuf-c.
 */
#include "export/export.h"

enum err_code export_pprof(const struct export_job *job, struct err *reterr)
{
    (void)job;
    return err_set(reterr, ERR_USAGE, NULL,
                   "this alloctrap was built without pprof: install libprotobuf-c-dev, "
                   "protobuf-c-compiler and golang-github-google-pprof-dev, and build it again");
}
