/*
 * compare - `alloctrap compare`: two recordings side by side, or two commands recorded first.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/options.h"
#include "command/command.h"
#include "command/record_runs.h"
#include "insight/name_form.h"
#include "store/store.h"
#include "view/compare.h"

enum { TOP_OF_TEXT = 10, TOP_MAX = 1000000000, STATUS_CHANGED = 1, RUNS = 2 };

static const char help[] =
    "usage: alloctrap compare BEFORE AFTER [OPTION...]\n"
    "       alloctrap compare --run 'CMD A' --run 'CMD B' [OPTION...]\n"
    "\n"
    "Shows what changed between two recordings: totals, time of calls, and the call sites that\n"
    "vanished, appeared, shrank or grew. Call sites are matched by function names, so that a\n"
    "rebuilt program compares with what it was.\n"
    "\n"
    "  --run CMD          record this shell command first; give it twice. What the commands print\n"
    "                     is thrown away, their errors are shown, their input is empty\n"
    "  --keep DIR         keep the two recordings of --run, as DIR/before.atrap and "
    "DIR/after.atrap\n"
    "  --units N[:NAME]   both did N units of work (lines, requests): numbers for each of them "
    "too\n"
    "  --top=N            so many call sites of each kind; 0 = all (default: 10, all with --json)\n"
    "  --wrapper=GLOB     functions to see through, like xmalloc; may be given again\n"
    "  --raw-names        functions as they are linked\n"
    "  --fold-templates   functions without template arguments; what differs only in these is\n"
    "                     one call site\n"
    "  --fail-on-change   exit with status 1 when allocations or bytes differ\n"
    "  --json             JSON (alloctrap-compare/1)\n"
    "  --markdown         GitHub markdown\n"
    "  --help             this text\n"
    "\n"
    "examples:\n"
    "  alloctrap compare before.atrap after.atrap --units 1000000:line\n"
    "  alloctrap compare --run './parse-old access.log' --run './parse-new access.log'\n";

enum { OPT_RUN = 256, OPT_KEEP, OPT_UNITS, OPT_TOP, OPT_WRAPPER, OPT_FAIL, OPT_HELP };

enum form { FORM_TEXT, FORM_JSON, FORM_MARKDOWN };

struct choices {
    const char *commands[RUNS];
    size_t command_count;
    const char *keep; /* folder; NULL = throw away */
    char *before;     /* recordings */
    char *after;
    uint64_t units;
    const char *unit_name; /* NULL = what the recordings say */
    uint64_t top;
    bool has_top;
    bool fails_on_change;
    bool wants_help;
    struct site_wrappers wrappers;
    int form;  /* enum form */
    int names; /* enum name_form */
};

static enum err_code add_run(const char *command, struct choices *c, struct err *reterr)
{
    if (c->command_count == RUNS) {
        return err_set(reterr, ERR_USAGE, NULL, "--run is for two commands; this is the third");
    }
    c->commands[c->command_count++] = command;
    return ERR_NONE;
}

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    switch (option) {
    case OPT_RUN:
        return add_run(optarg, c, reterr);
    case OPT_KEEP:
        c->keep = optarg;
        break;
    case OPT_UNITS:
        return options_units(optarg, &c->units, &c->unit_name, reterr);
    case OPT_TOP:
        c->has_top = true;
        return options_number("--top", optarg, TOP_MAX, &c->top, reterr);
    case OPT_WRAPPER:
        site_wrappers_add(&c->wrappers, optarg);
        break;
    case OPT_FAIL:
        c->fails_on_change = true;
        break;
    default:
        c->wants_help = true;
        break;
    }
    return ERR_NONE;
}

static enum err_code check_choices(int argc, char **argv, struct choices *c, struct err *reterr)
{
    int files = argc - optind;
    bool is_run = c->command_count != 0;
    if (is_run && (c->command_count != RUNS || files != 0)) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--run needs two commands and no recordings: alloctrap compare --run "
                       "'CMD A' --run 'CMD B'");
    }
    if (!is_run && files != 2) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "compare takes two recordings, not %d; usage: alloctrap compare BEFORE "
                       "AFTER [OPTION...]",
                       files);
    }
    if (!is_run && c->keep != NULL) {
        return err_set(reterr, ERR_USAGE, NULL, "--keep goes with --run; recordings stay anyway");
    }
    if (!is_run) {
        c->before = mem_text(argv[optind]);
        c->after = mem_text(argv[optind + 1]);
    }
    c->top = c->has_top ? c->top : c->form == FORM_JSON ? 0 : TOP_OF_TEXT;
    return ERR_NONE;
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    const struct option longs[] = {{"run", required_argument, NULL, OPT_RUN},
                                   {"keep", required_argument, NULL, OPT_KEEP},
                                   {"units", required_argument, NULL, OPT_UNITS},
                                   {"top", required_argument, NULL, OPT_TOP},
                                   {"wrapper", required_argument, NULL, OPT_WRAPPER},
                                   {"raw-names", no_argument, &c->names, NAME_RAW},
                                   {"fold-templates", no_argument, &c->names, NAME_FOLDED},
                                   {"fail-on-change", no_argument, NULL, OPT_FAIL},
                                   {"json", no_argument, &c->form, FORM_JSON},
                                   {"markdown", no_argument, &c->form, FORM_MARKDOWN},
                                   {"help", no_argument, NULL, OPT_HELP},
                                   {0}};
    enum err_code code = options_each(argc, argv, ":", longs, take_option, c, reterr);
    return code != ERR_NONE || c->wants_help ? code : check_choices(argc, argv, c, reterr);
}

static enum err_code print(const struct choices *c, const struct profile *before,
                           const struct profile *after, int *ret_status, struct err *reterr)
{
    struct comparison *comparison = compare_profiles(before, after, c->units, c->unit_name);
    bool is_run = c->command_count != 0;
    comparison->wrappers = &c->wrappers;
    struct compare_view view = {.comparison = comparison,
                                .before = is_run ? "first command" : c->before,
                                .after = is_run ? "second command" : c->after,
                                .top = (size_t)c->top};
    if (c->form == FORM_JSON) {
        compare_json(&view, stdout);
    } else {
        struct page page = page_on(stdout, c->form == FORM_MARKDOWN ? PAGE_MARKDOWN : PAGE_TEXT);
        compare_print(&view, &page);
    }
    enum err_code code = page_flush(stdout, reterr);
    if (code == ERR_NONE && c->fails_on_change && !comparison->is_certain) {
        code = err_set(reterr, ERR_FORMAT, NULL,
                       "a recording is incomplete, so --fail-on-change cannot tell whether "
                       "anything changed; record again");
    }
    if (code == ERR_NONE) {
        *ret_status = c->fails_on_change && comparison->has_change ? STATUS_CHANGED : 0;
    }
    compare_destroy(comparison);
    return code;
}

static enum err_code compare_files(const struct choices *c, int *ret_status, struct err *reterr)
{
    struct profile *before = NULL;
    struct profile *after = NULL;
    enum err_code code = store_load(c->before, &before, reterr);
    if (code == ERR_NONE) {
        code = store_load(c->after, &after, reterr);
    }
    if (code == ERR_NONE) {
        name_form_apply(before, (enum name_form)c->names);
        name_form_apply(after, (enum name_form)c->names);
        code = print(c, before, after, ret_status, reterr);
    }
    if (after != NULL) {
        profile_destroy(after);
    }
    if (before != NULL) {
        profile_destroy(before);
    }
    return code;
}

/* A command that fails is told, and compared all the same. */
static enum err_code record_one(const char *command, const char *file, const char *what,
                                struct err *reterr)
{
    int status = 0;
    enum err_code code = record_runs_run(command, file, NULL, what, &status, reterr);
    char *trouble = code == ERR_NONE ? record_runs_trouble(status) : NULL;
    if (trouble != NULL) {
        char *shown = escape_terminal(command);
        fprintf(stderr, "alloctrap: '%s' %s; compared all the same\n", shown, trouble);
        free(shown);
        free(trouble);
    }
    return code;
}

static enum err_code compare_commands(struct choices *c, int *ret_status, struct err *reterr)
{
    struct record_runs runs;
    enum err_code code = record_runs_open(&runs, c->keep, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    c->before = mem_format("%s/before.atrap", runs.folder);
    c->after = mem_format("%s/after.atrap", runs.folder);
    code = record_one(c->commands[0], c->before, "1 of 2", reterr);
    if (code == ERR_NONE) {
        code = record_one(c->commands[1], c->after, "2 of 2", reterr);
    }
    if (code == ERR_NONE) {
        code = compare_files(c, ret_status, reterr);
    }
    record_runs_close(&runs);
    return code;
}

enum err_code command_compare(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices choices = {.form = FORM_TEXT};
    enum err_code code = parse(argc, argv, &choices, reterr);
    if (code == ERR_NONE && choices.wants_help) {
        fputs(help, stdout);
        *ret_status = 0;
        return page_flush(stdout, reterr);
    }
    if (code == ERR_NONE) {
        code = choices.command_count != 0 ? compare_commands(&choices, ret_status, reterr)
                                          : compare_files(&choices, ret_status, reterr);
    }
    free(choices.wrappers.globs);
    free(choices.before);
    free(choices.after);
    return code;
}
