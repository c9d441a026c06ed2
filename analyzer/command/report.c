/*
 * report - `alloctrap report`: one recording, as text, markdown or JSON.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/options.h"
#include "command/command.h"
#include "insight/name_form.h"
#include "store/store.h"
#include "view/report.h"

enum { TOP_OF_TEXT = 15, TOP_OF_SOURCE = 5, TOP_OF_LATENCY = 3, TOP_MAX = 1000000000 };

static const char help[] =
    "usage: alloctrap report FILE [OPTION...]\n"
    "\n"
    "Shows what a recording knows: how much was allocated, how long each call took, and which "
    "call\n"
    "sites did it.\n"
    "\n"
    "  --sort=KEY      order of call sites: allocations (default), bytes, peak, live, "
    "temporaries,\n"
    "                  time, p99\n"
    "  --top=N         so many call sites; 0 = all (default: 15, all with --json). With --source "
    "so\n"
    "                  many files (default: 5), 0 = all, and all their lines that have numbers\n"
    "  --tree          the call tree from main inwards instead of call sites\n"
    "  --callers       each allocating function and who calls it\n"
    "  --source[=FILE] the lines of source files, with what they allocate beside them; FILE: of "
    "this\n"
    "                  file, or of all files whose names end so\n"
    "  --source-map=FROM=TO\n"
    "                  source files below FROM, where it was built, are below TO here; may be "
    "given\n"
    "                  again\n"
    "  --sysroot=DIR   the files of the recorded machine are below DIR\n"
    "  --latency       how long calls took: a histogram for each function and for the sites with "
    "most\n"
    "                  time, the slowest calls with who made them\n"
    "  --hgrm[=NAME]   the latencies of a function (all: no name) as HdrHistogram writes "
    "percentiles\n"
    "  --focus=RE      only call sites with a function, file or library in their stack that "
    "matches\n"
    "                  this POSIX extended regular expression\n"
    "  --ignore=RE     all but those\n"
    "  --wrapper=GLOB  functions to see through, like xmalloc; may be given again\n"
    "  --raw-names     functions as they are linked: _ZN4shop7counter3addE...\n"
    "  --fold-templates\n"
    "                  without template arguments: std::vector<...>::push_back\n"
    "  --json          JSON (alloctrap-report/1)\n"
    "  --markdown      GitHub markdown\n"
    "  --help          this text\n"
    "\n"
    "examples:\n"
    "  alloctrap report run.atrap --sort=temporaries --top=5\n"
    "  alloctrap report run.atrap --callers --focus='parse_.*|libxml'\n"
    "  alloctrap report run.atrap --source=parser.c --source-map=/build/app=.\n";

enum {
    OPT_SORT = 256,
    OPT_TOP,
    OPT_FOCUS,
    OPT_IGNORE,
    OPT_WRAPPER,
    OPT_SOURCE,
    OPT_SOURCE_MAP,
    OPT_SYSROOT,
    OPT_HGRM,
    OPT_HELP
};

enum form { FORM_TEXT, FORM_JSON, FORM_MARKDOWN, FORM_HGRM };

struct choices {
    struct report report;
    int form;           /* enum form */
    int shape;          /* enum report_shape */
    int names;          /* enum name_form */
    const char *source; /* a file to show; NULL = those that matter most */
    const char *hgrm;   /* the function of FORM_HGRM; NULL = all */
    uint64_t top;
    bool has_top;
    bool wants_help;
};

static enum err_code parse_key(const char *text, enum rank_key *ret, struct err *reterr)
{
    if (rank_key_parse(text, ret)) {
        return ERR_NONE;
    }
    char *shown = escape_terminal(text);
    enum err_code code = err_set(reterr, ERR_USAGE, NULL,
                                 "--sort takes allocations, bytes, peak, live, temporaries, time "
                                 "or p99, not '%s'",
                                 shown);
    free(shown);
    return code;
}

static enum err_code take_map(const char *text, struct choices *c, struct err *reterr)
{
    if (source_places_map(&c->report.places, text)) {
        return ERR_NONE;
    }
    char *shown = escape_terminal(text);
    enum err_code code = err_set(reterr, ERR_USAGE, NULL,
                                 "--source-map wants FROM=TO, two folders, not '%s'", shown);
    free(shown);
    return code;
}

static enum err_code take_hgrm(const char *function, struct choices *c, struct err *reterr)
{
    c->form = FORM_HGRM;
    c->hgrm = function;
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (function == NULL || strcmp(function, hook_call_name(i)) == 0) {
            return ERR_NONE;
        }
    }
    char *shown = escape_terminal(function);
    enum err_code code = err_set(
        reterr, ERR_USAGE, NULL,
        "--hgrm takes a function of the malloc family, like malloc or free, not '%s'", shown);
    free(shown);
    return code;
}

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    switch (option) {
    case OPT_SORT:
        return parse_key(optarg, &c->report.key, reterr);
    case OPT_TOP:
        c->has_top = true;
        return options_number("--top", optarg, TOP_MAX, &c->top, reterr);
    case OPT_FOCUS:
        c->report.rule.focus = optarg;
        break;
    case OPT_IGNORE:
        c->report.rule.ignore = optarg;
        break;
    case OPT_WRAPPER:
        site_wrappers_add(&c->report.wrappers, optarg);
        break;
    case OPT_SOURCE:
        c->shape = REPORT_SOURCE;
        c->source = optarg;
        break;
    case OPT_SOURCE_MAP:
        return take_map(optarg, c, reterr);
    case OPT_SYSROOT:
        c->report.places.sysroot = optarg;
        break;
    case OPT_HGRM:
        return take_hgrm(optarg, c, reterr);
    default:
        c->wants_help = true;
        break;
    }
    return ERR_NONE;
}

static size_t default_top(const struct choices *c)
{
    if (c->form == FORM_JSON) {
        return 0;
    }
    switch ((enum report_shape)c->shape) {
    case REPORT_SOURCE:
        return TOP_OF_SOURCE;
    case REPORT_LATENCY:
        return TOP_OF_LATENCY;
    default:
        return TOP_OF_TEXT;
    }
}

static enum err_code check_choices(int argc, char **argv, struct choices *c, struct err *reterr)
{
    if (argc - optind != 1) {
        bool is_apart = c->shape == REPORT_SOURCE && c->source == NULL && argc - optind == 2;
        return err_set(reterr, ERR_USAGE, NULL,
                       "report takes one recording, not %d; usage: "
                       "alloctrap report FILE [OPTION...]%s",
                       argc - optind, is_apart ? "; a source file is given as --source=FILE" : "");
    }
    if (c->shape != REPORT_SITES && c->report.key == RANK_P99) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "p99 of several call sites does not add up; use --sort=time");
    }
    if (c->shape != REPORT_SOURCE &&
        (c->report.places.map_count != 0 || c->report.places.sysroot != NULL)) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--source-map and --sysroot say where source files are; add --source");
    }
    c->report.file = argv[optind];
    c->report.shape = (enum report_shape)c->shape;
    c->report.top = c->has_top ? (size_t)c->top : default_top(c);
    return ERR_NONE;
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    const struct option longs[] = {{"sort", required_argument, NULL, OPT_SORT},
                                   {"top", required_argument, NULL, OPT_TOP},
                                   {"tree", no_argument, &c->shape, REPORT_TREE},
                                   {"callers", no_argument, &c->shape, REPORT_CALLERS},
                                   {"latency", no_argument, &c->shape, REPORT_LATENCY},
                                   {"hgrm", optional_argument, NULL, OPT_HGRM},
                                   {"focus", required_argument, NULL, OPT_FOCUS},
                                   {"ignore", required_argument, NULL, OPT_IGNORE},
                                   {"wrapper", required_argument, NULL, OPT_WRAPPER},
                                   {"source", optional_argument, NULL, OPT_SOURCE},
                                   {"source-map", required_argument, NULL, OPT_SOURCE_MAP},
                                   {"sysroot", required_argument, NULL, OPT_SYSROOT},
                                   {"raw-names", no_argument, &c->names, NAME_RAW},
                                   {"fold-templates", no_argument, &c->names, NAME_FOLDED},
                                   {"json", no_argument, &c->form, FORM_JSON},
                                   {"markdown", no_argument, &c->form, FORM_MARKDOWN},
                                   {"help", no_argument, NULL, OPT_HELP},
                                   {0}};
    enum err_code code = options_each(argc, argv, ":", longs, take_option, c, reterr);
    return code != ERR_NONE || c->wants_help ? code : check_choices(argc, argv, c, reterr);
}

/* Adds up the lines of source, when they are asked for. */
static enum err_code gather(struct choices *c, struct source_lines **ret, struct err *reterr)
{
    *ret = NULL;
    if (c->shape != REPORT_SOURCE) {
        return ERR_NONE;
    }
    struct source_lines *lines = source_lines_build(c->report.profile, c->report.selection,
                                                    &c->report.wrappers, c->report.key);
    c->report.source = lines;
    *ret = lines;
    if (c->source == NULL || source_lines_choose(lines, c->source)) {
        return ERR_NONE;
    }
    char *wanted = escape_terminal(c->source);
    char *first = escape_terminal(lines->files.count != 0 ? lines->files.at[0].path : "");
    enum err_code code =
        first[0] != '\0'
            ? err_set(reterr, ERR_USAGE, NULL,
                      "--source=%s: no source file in this recording ends so; the first of %zu is "
                      "%s, and --source alone lists them",
                      wanted, lines->files.count, first)
            : err_set(
                  reterr, ERR_USAGE, NULL,
                  "--source=%s: no function of this recording has a source file; build with -g, "
                  "or let alloctrap symbolize find the debug information",
                  wanted);
    free(first);
    free(wanted);
    return code;
}

static void print_form(const struct choices *c)
{
    if (c->form == FORM_JSON) {
        report_json(&c->report, stdout);
        return;
    }
    if (c->form == FORM_HGRM) {
        report_hgrm(&c->report, c->hgrm, stdout);
        return;
    }
    struct page page = page_on(stdout, c->form == FORM_MARKDOWN ? PAGE_MARKDOWN : PAGE_TEXT);
    report_print(&c->report, &page);
}

static enum err_code print(struct choices *c, struct profile *profile, struct err *reterr)
{
    struct selection selection;
    struct source_lines *source = NULL;
    name_form_apply(profile, (enum name_form)c->names);
    enum err_code code = select_sites(profile, &c->report.rule, &selection, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    c->report.profile = profile;
    c->report.selection = &selection;
    struct advise_options asked = {.threshold_permille = ADVISE_THRESHOLD_PERMILLE,
                                   .wrappers = &c->report.wrappers};
    struct advice *advice = advise_profile(profile, &asked);
    c->report.advice = advice;
    code = gather(c, &source, reterr);
    if (code == ERR_NONE) {
        print_form(c);
        code = page_flush(stdout, reterr);
    }
    source_lines_destroy(source);
    advise_destroy(advice);
    select_finish(&selection);
    return code;
}

enum err_code command_report(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices choices = {.form = FORM_TEXT, .shape = REPORT_SITES};
    struct profile *profile = NULL;
    enum err_code code = parse(argc, argv, &choices, reterr);
    if (code == ERR_NONE && choices.wants_help) {
        fputs(help, stdout);
        code = page_flush(stdout, reterr);
    } else if (code == ERR_NONE) {
        code = store_load(choices.report.file, &profile, reterr);
        if (code == ERR_NONE) {
            code = print(&choices, profile, reterr);
            profile_destroy(profile);
        }
    }
    source_places_finish(&choices.report.places);
    free(choices.report.wrappers.globs);
    if (code == ERR_NONE) {
        *ret_status = 0;
    }
    return code;
}
