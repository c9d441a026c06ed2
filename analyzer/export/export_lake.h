/*
 * export_lake - recordings as a folder that query engines read as one table:
 * DIR/dt=YYYY-MM-DD/service=S/host=H/RUN.ndjson.zst, rows as export_ndjson writes them. What stands
 * behind dt=, service= and host= are columns (hive partitions).
 * Owner: the caller.   Threads: one at a time; several processes may fill one lake.
 * Errors: a file appears when it is whole; the same run again replaces its own file.
 */
#ifndef ALLOCTRAP_EXPORT_EXPORT_LAKE_H
#define ALLOCTRAP_EXPORT_EXPORT_LAKE_H

#include "export/export.h"

/* Adds the job's recording; job->out is not used. */
ERR_CHECKED enum err_code export_lake_add(const struct export_job *job, const char *folder,
                                          struct err *reterr);

#endif
