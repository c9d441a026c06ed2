/*
 * check_runs - the recordings that `alloctrap check` judges: files, or a command recorded so many
 * times after a run that only warms up.
 * Owner: the caller; check_runs_finish() frees profiles and, when all went well, the recordings of
 * --run.
 */
#ifndef ALLOCTRAP_COMMAND_CHECK_RUNS_H
#define ALLOCTRAP_COMMAND_CHECK_RUNS_H

#include "budget/budget_measure.h"
#include "command/record_runs.h"

struct check_runs {
    MEM_ARRAY(struct budget_run) runs;
    MEM_ARRAY(char *) files;
    struct record_runs folder; /* of --run */
    bool is_recorded;
};

/* Records command runs times into the folder keep (NULL: a temporary one) and loads that. */
ERR_CHECKED enum err_code check_runs_record(struct check_runs *runs, const struct policy *policy,
                                            const char *command, uint64_t count, const char *keep,
                                            struct err *reterr);

/* Loads one more recording. */
ERR_CHECKED enum err_code check_runs_load(struct check_runs *runs, const char *file,
                                          struct err *reterr);

/* The sites of every run, as the policy wants them, and its units: given ones, or as it says. */
ERR_CHECKED enum err_code check_runs_prepare(struct check_runs *runs, const struct policy *policy,
                                             const struct site_wrappers *wrappers, uint64_t units,
                                             struct err *reterr);

/* is_good: what --run recorded is needed no more. */
void check_runs_finish(struct check_runs *runs, bool is_good);

#endif
