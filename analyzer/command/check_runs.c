#include "command/check_runs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "store/store.h"

enum err_code check_runs_load(struct check_runs *runs, const char *file, struct err *reterr)
{
    struct profile *profile = NULL;
    enum err_code code = store_load(file, &profile, reterr);
    if (code == ERR_NONE) {
        MEM_PUSH(&runs->runs)->profile = profile;
        *MEM_PUSH(&runs->files) = mem_text(file);
    }
    return code;
}

static enum err_code record_one(const char *command, const char *file, const char *option,
                                const char *what, struct err *reterr)
{
    int status = 0;
    enum err_code code = record_runs_run(command, file, option, what, &status, reterr);
    char *trouble = code == ERR_NONE ? record_runs_trouble(status) : NULL;
    if (trouble != NULL) {
        char *shown = escape_terminal(command);
        code = err_set(reterr, ERR_FORMAT, NULL,
                       "'%s' %s, so there is nothing to judge; a command that is to fail can be "
                       "given as '%s || true'",
                       shown, trouble, shown);
        free(shown);
        free(trouble);
    }
    return code;
}

/* The mark that a window of the policy begins at by time; NULL: none does. */
static char *mark_option(const struct policy *policy)
{
    for (size_t i = 0; i < policy->budgets.count; i++) {
        uint64_t skip_ns = policy->budgets.at[i].window.skip_ns;
        if (skip_ns != 0) {
            return mem_format("--mark-at=%" PRIu64 "ns", skip_ns);
        }
    }
    return NULL;
}

enum err_code check_runs_record(struct check_runs *runs, const struct policy *policy,
                                const char *command, uint64_t count, const char *keep,
                                struct err *reterr)
{
    char *option = mark_option(policy);
    enum err_code code = record_runs_open(&runs->folder, keep, reterr);
    runs->is_recorded = code == ERR_NONE;
    for (uint64_t i = 0; i <= count && code == ERR_NONE; i++) {
        char *file = mem_format("%s/run-%" PRIu64 ".atrap", runs->folder.folder, i);
        char *what = i == 0 ? mem_text("a run that only warms up")
                            : mem_format("%" PRIu64 " of %" PRIu64, i, count);
        code = record_one(command, file, option, what, reterr);
        if (i == 0) {
            (void)unlink(file);
        } else if (code == ERR_NONE) {
            code = check_runs_load(runs, file, reterr);
        }
        free(what);
        free(file);
    }
    free(option);
    return code;
}

enum err_code check_runs_prepare(struct check_runs *runs, const struct policy *policy,
                                 const struct site_wrappers *wrappers, uint64_t units,
                                 struct err *reterr)
{
    static const struct policy_window whole;
    if (policy->units_from == POLICY_UNITS_CLI && units == 0) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "the policy takes units from the command line: give --units N[:NAME]");
    }
    for (size_t i = 0; i < runs->runs.count; i++) {
        struct budget_run *run = &runs->runs.at[i];
        budget_sites_make(&run->sites, run->profile, policy, wrappers);
        budget_rows_make(&run->whole, run->profile, &whole);
        run->is_told = units == 0 && policy->units_from == POLICY_UNITS_MARK;
        run->units = units != 0 ? units
                     : policy->units_from == POLICY_UNITS_CALLS
                         ? budget_measure_calls(run, policy->units_calls)
                     : policy->units_from == POLICY_UNITS_MARK ? run->profile->run.units
                                                               : 0;
    }
    return ERR_NONE;
}

void check_runs_finish(struct check_runs *runs, bool is_good)
{
    for (size_t i = 0; i < runs->runs.count; i++) {
        budget_rows_finish(&runs->runs.at[i].whole);
        budget_sites_finish(&runs->runs.at[i].sites);
        profile_destroy(runs->runs.at[i].profile);
    }
    for (size_t i = 0; i < runs->files.count; i++) {
        if (runs->is_recorded && is_good) {
            (void)unlink(runs->files.at[i]);
        }
        free(runs->files.at[i]);
    }
    if (runs->is_recorded) {
        if (runs->folder.is_kept && is_good) {
            (void)rmdir(runs->folder.folder); /* when nothing else is in it */
        }
        record_runs_close(&runs->folder);
    }
    free(runs->files.at);
    free(runs->runs.at);
    *runs = (struct check_runs){0};
}
