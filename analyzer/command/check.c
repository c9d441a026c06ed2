/*
 * check - `alloctrap check`: recordings, or a command, held to the budgets of a policy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/options.h"
#include "base/units.h"
#include "budget/baseline_diff.h"
#include "budget/budget_check.h"
#include "command/check_keep.h"
#include "command/check_out.h"
#include "command/check_runs.h"
#include "command/command.h"

enum { RUNS_DEFAULT = 3, REPORTS_MAX = 16 };

static const char help[] =
    "usage: alloctrap check FILE... [OPTION...]\n"
    "       alloctrap check --run CMD [--runs=N] [OPTION...]\n"
    "       alloctrap check --exec [--runs=N] [OPTION...] -- CMD [ARGUMENT...]\n"
    "       alloctrap check --slope SMALL:UNITS BIG:UNITS [OPTION...]\n"
    "\n"
    "Holds recordings to the budgets of alloctrap.yaml, and to what a baseline says that they "
    "were.\n"
    "Several recordings are runs of one program: counts are judged by the least of them, bytes "
    "and\n"
    "peaks by the median, latencies by all calls together.\n"
    "\n"
    "  --budget=FILE      the policy (default: alloctrap.yaml)\n"
    "  --baseline=FILE    the baseline (default: alloctrap-baseline.json)\n"
    "  --variant=NAME     the baseline's part for this platform (default: default)\n"
    "  --update-baseline  write what is measured now into the baseline\n"
    "  --print-patch      print what --update-baseline would change, as a patch\n"
    "  --run CMD          record this shell command first, and once before to warm up\n"
    "  --exec             the same with the command as the rest of the line, as with record\n"
    "  --runs=N           so many times (default: as the policy says, else 3)\n"
    "  --keep DIR         when a budget is not met, keep the recordings of --run, the verdict as\n"
    "                     JSON and a page that shows both in this folder\n"
    "  --slope            two recordings of known size: what each unit costs, start-up left out\n"
    "  --units N[:NAME]   each run did N units of work (lines, requests)\n"
    "  --report=KIND[=OUT] text, json, junit, github, markdown, gitlab, sarif or bench-json, to a\n"
    "                     file or to standard output; may be given again\n"
    "  --wrapper=GLOB     functions to see through, like xmalloc; may be given again\n"
    "  --strict           warnings, skipped limits and budgets without a call site fail too\n"
    "  --validate         only read the policy\n"
    "  --help             this text\n"
    "\n"
    "exit status: 0 all budgets hold, 1 one is broken, 2 usage or policy, 3 a recording is "
    "missing,\n"
    "bad or cannot tell, 4 better than the baseline where the policy wants that committed,\n"
    "5 no baseline\n"
    "\n"
    "examples:\n"
    "  alloctrap check run.atrap\n"
    "  alloctrap check --run './parse access.log' --runs=5 --report=junit=budgets.xml\n"
    "  alloctrap check --run ./bench --update-baseline\n";

enum {
    OPT_BUDGET = 256,
    OPT_BASELINE,
    OPT_VARIANT,
    OPT_RUN,
    OPT_RUNS,
    OPT_KEEP,
    OPT_UNITS,
    OPT_REPORT,
    OPT_WRAPPER,
    OPT_UPDATE,
    OPT_PATCH,
    OPT_SLOPE,
    OPT_EXEC,
    OPT_STRICT,
    OPT_VALIDATE,
    OPT_HELP
};

struct choices {
    const char *budget;
    const char *baseline;
    const char *variant;
    const char *command; /* --run */
    char *line;          /* --exec: the same, made of arguments */
    const char *keep;
    uint64_t runs;
    uint64_t units;
    const char *unit_name; /* NULL = what the recordings say */
    struct check_out outs[REPORTS_MAX];
    size_t out_count;
    struct site_wrappers wrappers;
    bool updates_baseline;
    bool prints_patch;
    bool is_slope;
    bool is_exec;
    bool is_strict;
    bool only_validates;
    bool wants_help;
};

static enum err_code take_text(int option, struct choices *c, struct err *reterr)
{
    switch (option) {
    case OPT_BUDGET:
        c->budget = optarg;
        break;
    case OPT_BASELINE:
        c->baseline = optarg;
        break;
    case OPT_VARIANT:
        c->variant = optarg;
        break;
    case OPT_RUN:
        if (c->command != NULL) {
            return err_set(reterr, ERR_USAGE, NULL, "--run is for one command; this is the second");
        }
        c->command = optarg;
        break;
    case OPT_KEEP:
        c->keep = optarg;
        break;
    default:
        site_wrappers_add(&c->wrappers, optarg);
        break;
    }
    return ERR_NONE;
}

static enum err_code take_flag(int option, struct choices *c)
{
    c->updates_baseline = c->updates_baseline || option == OPT_UPDATE;
    c->prints_patch = c->prints_patch || option == OPT_PATCH;
    c->is_slope = c->is_slope || option == OPT_SLOPE;
    c->is_exec = c->is_exec || option == OPT_EXEC;
    c->is_strict = c->is_strict || option == OPT_STRICT;
    c->only_validates = c->only_validates || option == OPT_VALIDATE;
    c->wants_help = c->wants_help || option == OPT_HELP;
    return ERR_NONE;
}

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    if (option == OPT_RUNS) {
        return options_number("--runs", optarg, POLICY_RUNS_MAX, &c->runs, reterr);
    }
    if (option == OPT_UNITS) {
        return options_units(optarg, &c->units, &c->unit_name, reterr);
    }
    if (option == OPT_REPORT) {
        if (c->out_count == REPORTS_MAX) {
            return err_set(reterr, ERR_USAGE, NULL, "--report was given too often");
        }
        return check_out_parse(optarg, &c->outs[c->out_count++], reterr);
    }
    return option >= OPT_UPDATE ? take_flag(option, c) : take_text(option, c, reterr);
}

static enum err_code check_choices(int argc, const struct choices *c, struct err *reterr)
{
    int files = argc - optind;
    if (c->only_validates) {
        return ERR_NONE;
    }
    if (c->command != NULL && files != 0) {
        return err_set(reterr, ERR_USAGE, NULL, "either --run or recordings, not both");
    }
    if (c->is_exec && (c->line == NULL || files != 0)) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--exec takes a command: alloctrap check --exec -- CMD [ARGUMENT...]");
    }
    if (c->command == NULL && files == 0) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "check takes recordings or --run; usage: alloctrap check FILE... or "
                       "alloctrap check --run 'CMD'");
    }
    if (c->is_slope && (files != 2 || c->updates_baseline || c->prints_patch)) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--slope takes two recordings with their units, as in --slope "
                       "small.atrap:1000 big.atrap:2000, and no baseline");
    }
    if (c->command == NULL && (c->keep != NULL || c->runs != 0)) {
        return err_set(reterr, ERR_USAGE, NULL, "--keep and --runs go with --run or --exec");
    }
    return ERR_NONE;
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    static const struct option longs[] = {{"budget", required_argument, NULL, OPT_BUDGET},
                                          {"baseline", required_argument, NULL, OPT_BASELINE},
                                          {"variant", required_argument, NULL, OPT_VARIANT},
                                          {"run", required_argument, NULL, OPT_RUN},
                                          {"runs", required_argument, NULL, OPT_RUNS},
                                          {"keep", required_argument, NULL, OPT_KEEP},
                                          {"units", required_argument, NULL, OPT_UNITS},
                                          {"report", required_argument, NULL, OPT_REPORT},
                                          {"wrapper", required_argument, NULL, OPT_WRAPPER},
                                          {"update-baseline", no_argument, NULL, OPT_UPDATE},
                                          {"print-patch", no_argument, NULL, OPT_PATCH},
                                          {"slope", no_argument, NULL, OPT_SLOPE},
                                          {"exec", no_argument, NULL, OPT_EXEC},
                                          {"strict", no_argument, NULL, OPT_STRICT},
                                          {"validate", no_argument, NULL, OPT_VALIDATE},
                                          {"help", no_argument, NULL, OPT_HELP},
                                          {0}};
    enum err_code code = options_each(argc, argv, ":", longs, take_option, c, reterr);
    if (code == ERR_NONE && c->is_exec && c->command == NULL && optind < argc) {
        c->line = check_out_command(argv + optind);
        c->command = c->line;
        optind = argc;
    }
    return code != ERR_NONE || c->wants_help ? code : check_choices(argc, c, reterr);
}

/* "FILE:UNITS". */
static enum err_code load_slope(const char *text, struct check_runs *runs, uint64_t *ret_units,
                                struct err *reterr)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--slope needs to know how many units '%s' did, as in %s:1000", text, text);
    }
    char *file = mem_format("%.*s", (int)(colon - text), text);
    enum err_code code = options_number("--slope", colon + 1, INT64_MAX, ret_units, reterr);
    code = code == ERR_NONE ? check_runs_load(runs, file, reterr) : code;
    free(file);
    return code;
}

static enum err_code load_runs(const struct choices *c, const struct policy *policy, char **files,
                               struct check_runs *runs, struct err *reterr)
{
    uint64_t units[2] = {0};
    enum err_code code = ERR_NONE;
    if (c->command != NULL) {
        uint64_t count = c->runs != 0 ? c->runs : policy->runs != 0 ? policy->runs : RUNS_DEFAULT;
        code = check_runs_record(runs, policy, c->command, count, c->keep, reterr);
    }
    for (size_t i = 0; c->command == NULL && files[i] != NULL && code == ERR_NONE; i++) {
        code = c->is_slope ? load_slope(files[i], runs, &units[i], reterr)
                           : check_runs_load(runs, files[i], reterr);
    }
    if (code == ERR_NONE) {
        code = check_runs_prepare(runs, policy, &c->wrappers, c->is_slope ? 1 : c->units, reterr);
    }
    if (code == ERR_NONE && c->is_slope) {
        runs->runs.at[0].units = units[0];
        runs->runs.at[1].units = units[1];
        if (units[1] <= units[0]) {
            code = err_set(reterr, ERR_USAGE, NULL,
                           "--slope takes the smaller recording first, the one with more units "
                           "second");
        }
    }
    return code;
}

/* What units are called: as given, as the policy says, as the recordings say. */
static const char *unit_name_of(const struct choices *c, const struct policy *policy,
                                const struct check_runs *runs)
{
    const char *recorded = runs->runs.at[0].profile->run.unit_name;
    if (c->unit_name != NULL) {
        return c->unit_name;
    }
    bool is_recorded = policy->units_from == POLICY_UNITS_MARK && c->units == 0 && !c->is_slope;
    if (is_recorded && recorded != NULL && recorded[0] != '\0') {
        return recorded;
    }
    return policy->units_name != NULL ? policy->units_name : "";
}

/* The baseline as it is; none is fine. */
static enum err_code load_baseline(const struct choices *c, struct baseline **ret,
                                   struct err *reterr)
{
    enum err_code code = baseline_load(c->baseline, ret, reterr);
    if (code == ERR_MISSING) {
        *ret = baseline_create();
        return ERR_NONE;
    }
    return code;
}

static void say_written(const struct choices *c, const struct baseline_variant *variant)
{
    if (variant == NULL) {
        return;
    }
    char *file = escape_terminal(c->baseline);
    char *name = escape_terminal(variant->name);
    size_t sites = baseline_site_count(variant);
    fprintf(stderr, "alloctrap: %s: variant '%s' is now what was measured: %zu call site%s\n", file,
            name, sites, units_s(sites));
    free(name);
    free(file);
}

/* Puts what is measured into the baseline; prints or writes what the user asked for. */
static enum err_code renew_baseline(const struct choices *c, const struct check_question *q,
                                    struct baseline *baseline, struct err *reterr)
{
    char *why = check_trouble(q);
    if (why != NULL) {
        enum err_code code =
            err_set(reterr, ERR_FORMAT, NULL, "this cannot be a baseline: %s", why);
        free(why);
        return code;
    }
    check_make_baseline(q, c->variant, baseline);
    char *text = baseline_text(baseline);
    char *patch = NULL;
    enum err_code code = ERR_NONE;
    if (c->prints_patch) {
        code = baseline_diff(c->baseline, text, &patch, reterr);
    }
    if (code == ERR_NONE && c->prints_patch) {
        printf("=== BEGIN DIFF\n%s=== END DIFF\n", patch);
    }
    if (code == ERR_NONE && c->updates_baseline) {
        code = baseline_write(c->baseline, text, reterr);
        say_written(c, code == ERR_NONE ? baseline_find(baseline, c->variant) : NULL);
    }
    free(patch);
    free(text);
    return code;
}

static enum err_code judge(const struct choices *c, struct check_question *q,
                           const struct check_view *view, int *ret_status, struct err *reterr)
{
    struct check check;
    struct baseline *baseline = NULL;
    enum err_code code = load_baseline(c, &baseline, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    if (c->updates_baseline) {
        code = renew_baseline(c, q, baseline, reterr);
    }
    q->baseline = c->is_slope ? NULL : baseline_find(baseline, c->variant);
    if (code == ERR_NONE) {
        check_make(&check, q);
        struct check_view full = *view;
        char *page = NULL;
        full.check = &check;
        if (check.status != 0 && c->keep != NULL) {
            code = check_keep(&full, c->keep, &page, reterr);
            full.page_file = page;
        }
        if (code == ERR_NONE) {
            code = check_out_print(&full, c->outs, c->out_count, reterr);
        }
        *ret_status = check.status;
        free(page);
        check_finish(&check);
    }
    if (code == ERR_NONE && c->prints_patch && !c->updates_baseline) {
        code = renew_baseline(c, q, baseline, reterr);
    }
    baseline_destroy(baseline);
    return code == ERR_NONE ? page_flush(stdout, reterr) : code;
}

static enum err_code check(int argc, char **argv, const struct choices *c,
                           const struct policy *policy, int *ret_status, struct err *reterr)
{
    struct check_runs runs = {.is_recorded = false};
    enum err_code code = load_runs(c, policy, argv + optind, &runs, reterr);
    if (code == ERR_NONE) {
        struct check_question q = {.policy = policy,
                                   .runs = runs.runs.at,
                                   .run_count = runs.runs.count,
                                   .way = c->is_slope         ? BUDGET_RUNS_SLOPE
                                          : policy->is_median ? BUDGET_RUNS_MEDIAN
                                                              : BUDGET_RUNS_LEAST,
                                   .is_strict = c->is_strict,
                                   .unit_name = unit_name_of(c, policy, &runs)};
        char *again = check_out_again(argc, argv);
        char *what = check_out_what(c->command, runs.files.at, runs.files.count);
        char *workspace = check_out_workspace();
        bool has_file = c->command == NULL || c->keep != NULL;
        struct check_view view = {.policy_file = c->budget,
                                  .baseline_file = c->baseline,
                                  .workspace = workspace,
                                  .what = what,
                                  .recording = has_file ? runs.files.at[0] : NULL,
                                  .again = again};
        code = judge(c, &q, &view, ret_status, reterr);
        free(workspace);
        free(what);
        free(again);
    }
    check_runs_finish(&runs, code == ERR_NONE && *ret_status == 0);
    return code;
}

enum err_code command_check(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices choices = {.budget = "alloctrap.yaml",
                              .baseline = "alloctrap-baseline.json",
                              .variant = BASELINE_VARIANT};
    struct policy *policy = NULL;
    enum err_code code = parse(argc, argv, &choices, reterr);
    if (code == ERR_NONE && choices.wants_help) {
        fputs(help, stdout);
        *ret_status = 0;
        free(choices.wrappers.globs);
        free(choices.line);
        return page_flush(stdout, reterr);
    }
    code = code == ERR_NONE ? policy_load(choices.budget, &policy, reterr) : code;
    if (code == ERR_NONE && choices.only_validates) {
        printf("%s: fine, %zu budgets\n", choices.budget, policy->budgets.count);
        code = page_flush(stdout, reterr);
    } else if (code == ERR_NONE) {
        code = check(argc, argv, &choices, policy, ret_status, reterr);
    }
    policy_destroy(policy);
    free(choices.wrappers.globs);
    free(choices.line);
    return code;
}
