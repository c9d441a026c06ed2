/*
 * html - `alloctrap html`: a recording, or two side by side, as one HTML file.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/options.h"
#include "command/command.h"
#include "insight/advise.h"
#include "insight/name_form.h"
#include "live/live_find.h"
#include "live/live_snapshot.h"
#include "store/store.h"
#include "view/html.h"

enum { STATIC_TOP = 50, SIDES = 2, VERDICT_BYTES_MAX = 4 << 20 };

static const char help[] =
    "usage: alloctrap html FILE [FILE] -o OUT [OPTION...]\n"
    "       alloctrap html --snapshot=PID|SESSION -o OUT [OPTION...]\n"
    "\n"
    "Writes one HTML page that shows a recording, or what changed between two: totals, timeline,\n"
    "flame graph, call sites, latency, sizes, pairs, leaks. The page loads nothing and sends "
    "nothing;\n"
    "it opens from the disk, and without JavaScript it is a plain report.\n"
    "\n"
    "  -o, --output=OUT   the page to write; '-' is standard output\n"
    "  --snapshot=WHAT    a program that is being recorded now, by its pid or its session's "
    "folder\n"
    "  --check=FILE       show this verdict too: what `alloctrap check --report=json=FILE` wrote\n"
    "  --full             keep every call site; without it, beyond 10,000 of them, those under\n"
    "                     0.01 % of everything are added up\n"
    "  --focus=RE         only call sites with a function, file or library in their stack that\n"
    "                     matches this POSIX extended regular expression\n"
    "  --ignore=RE        all but those\n"
    "  --wrapper=GLOB     functions to see through, like xmalloc; may be given again\n"
    "  --raw-names        functions as they are linked\n"
    "  --fold-templates   functions without template arguments\n"
    "  -h, --help         this text\n"
    "\n"
    "examples:\n"
    "  alloctrap html run.atrap -o run.html\n"
    "  alloctrap html before.atrap after.atrap -o change.html\n"
    "  alloctrap html --snapshot=4711 -o now.html\n";

enum { OPT_FULL = 256, OPT_SNAPSHOT, OPT_CHECK, OPT_FOCUS, OPT_IGNORE, OPT_WRAPPER };

struct choices {
    const char *output;
    const char *check;    /* a file; NULL = none */
    const char *snapshot; /* a pid or a session; NULL: files */
    const char *files[SIDES];
    size_t count;
    char *verdict; /* what the file of --check holds */
    struct select_rule rule;
    struct site_wrappers wrappers;
    int names; /* enum name_form */
    bool is_full;
    bool wants_help;
};

/* One side, from its file to its report. */
struct side {
    struct profile *profile;
    struct selection selection;
    struct advice *advice;
    struct report report;
};

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    (void)reterr;
    struct choices *c = choices;
    switch (option) {
    case 'o':
        c->output = optarg;
        break;
    case OPT_FULL:
        c->is_full = true;
        break;
    case OPT_CHECK:
        c->check = optarg;
        break;
    case OPT_SNAPSHOT:
        c->snapshot = optarg;
        break;
    case OPT_FOCUS:
        c->rule.focus = optarg;
        break;
    case OPT_IGNORE:
        c->rule.ignore = optarg;
        break;
    case OPT_WRAPPER:
        site_wrappers_add(&c->wrappers, optarg);
        break;
    default:
        c->wants_help = true;
        break;
    }
    return ERR_NONE;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat of_a;
    struct stat of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

static enum err_code check_choices(int argc, char **argv, struct choices *c, struct err *reterr)
{
    int files = argc - optind;
    if (c->snapshot != NULL && files != 0) {
        return err_set(reterr, ERR_USAGE, NULL, "--snapshot takes the place of a recording");
    }
    if (c->snapshot == NULL && (files < 1 || files > SIDES)) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "html takes one recording, or two to compare, not %d; usage: alloctrap "
                       "html FILE [FILE] -o OUT",
                       files);
    }
    if (c->output == NULL) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "say where the page goes: alloctrap html FILE -o page.html");
    }
    c->count = c->snapshot != NULL ? 1 : (size_t)files;
    c->files[0] = c->snapshot;
    for (size_t i = 0; c->snapshot == NULL && i < c->count; i++) {
        c->files[i] = argv[optind + (int)i];
        if (is_same_file(c->files[i], c->output)) {
            return err_set(reterr, ERR_USAGE, c->output,
                           "is the recording itself; give -o another name");
        }
    }
    if (c->count == SIDES && c->check != NULL) {
        return err_set(reterr, ERR_USAGE, NULL, "--check is for the page of one recording");
    }
    if (c->count == SIDES && (c->rule.focus != NULL || c->rule.ignore != NULL)) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--focus and --ignore are for one recording; the page of two can focus by "
                       "itself");
    }
    return ERR_NONE;
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    const struct option longs[] = {{"output", required_argument, NULL, 'o'},
                                   {"full", no_argument, NULL, OPT_FULL},
                                   {"check", required_argument, NULL, OPT_CHECK},
                                   {"snapshot", required_argument, NULL, OPT_SNAPSHOT},
                                   {"focus", required_argument, NULL, OPT_FOCUS},
                                   {"ignore", required_argument, NULL, OPT_IGNORE},
                                   {"wrapper", required_argument, NULL, OPT_WRAPPER},
                                   {"raw-names", no_argument, &c->names, NAME_RAW},
                                   {"fold-templates", no_argument, &c->names, NAME_FOLDED},
                                   {"help", no_argument, NULL, 'h'},
                                   {0}};
    enum err_code code = options_each(argc, argv, ":o:h", longs, take_option, c, reterr);
    return code != ERR_NONE || c->wants_help ? code : check_choices(argc, argv, c, reterr);
}

/* The text of a verdict, as it is; free() it. */
static enum err_code read_verdict(const char *path, char **ret, struct err *reterr)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return err_set(reterr, ERR_MISSING, path, "cannot be opened: %s", strerror(errno));
    }
    char *text = mem_zero(VERDICT_BYTES_MAX + 1, 1);
    size_t length = fread(text, 1, VERDICT_BYTES_MAX, in);
    bool is_whole = feof(in) != 0 && ferror(in) == 0;
    fclose(in);
    if (!is_whole || strlen(text) != length || strstr(text, "\"alloctrap.check/1\"") == NULL) {
        free(text);
        return err_set(reterr, ERR_FORMAT, path,
                       "is no verdict; make one with: alloctrap check --report=json=FILE ...");
    }
    *ret = text;
    return ERR_NONE;
}

static enum err_code take_snapshot(const char *what, struct profile **ret, struct err *reterr)
{
    char *dir = NULL;
    enum err_code code = live_find(what, &dir, reterr);
    if (code == ERR_NONE) {
        code = live_snapshot(dir, ret, reterr);
    }
    free(dir);
    return code;
}

static enum err_code load_side(const struct choices *c, size_t i, struct side *side,
                               struct err *reterr)
{
    enum err_code code = c->snapshot != NULL ? take_snapshot(c->snapshot, &side->profile, reterr)
                                             : store_load(c->files[i], &side->profile, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    name_form_apply(side->profile, (enum name_form)c->names);
    code = select_sites(side->profile, &c->rule, &side->selection, reterr);
    side->advice = advise_profile(
        side->profile, &(struct advise_options){.threshold_permille = ADVISE_THRESHOLD_PERMILLE,
                                                .wrappers = &c->wrappers});
    side->report = (struct report){.profile = side->profile,
                                   .selection = &side->selection,
                                   .rule = c->rule,
                                   .wrappers = c->wrappers,
                                   .file = c->files[i],
                                   .advice = side->advice,
                                   .shape = REPORT_SITES,
                                   .key = RANK_ALLOCATIONS,
                                   .top = STATIC_TOP};
    return code;
}

static enum err_code write_page(const struct choices *c, const struct side *sides, FILE *out,
                                struct err *reterr)
{
    struct compare_view view = {.before = c->files[0], .after = c->files[1], .top = STATIC_TOP};
    struct comparison *comparison = NULL;
    struct html_page page = {.sides = {&sides[0].report, &sides[1].report},
                             .verdict = c->verdict,
                             .sites_max = c->is_full ? 0 : HTML_SITES_MAX};
    if (c->count == SIDES) {
        comparison = compare_profiles(sides[0].profile, sides[1].profile, 0, NULL);
        comparison->wrappers = &c->wrappers;
        view.comparison = comparison;
        page.compare = &view;
    }
    enum err_code code = html_write(&page, out, reterr);
    compare_destroy(comparison);
    return code;
}

static enum err_code write_file(const struct choices *c, const struct side *sides,
                                struct err *reterr)
{
    if (strcmp(c->output, "-") == 0) {
        enum err_code code = write_page(c, sides, stdout, reterr);
        return code == ERR_NONE ? page_flush(stdout, reterr) : code;
    }
    FILE *out = fopen(c->output, "we");
    if (out == NULL) {
        return err_set(reterr, ERR_SYSTEM, c->output, "cannot be written: %s", strerror(errno));
    }
    enum err_code code = write_page(c, sides, out, reterr);
    bool is_whole = ferror(out) == 0;
    if ((fclose(out) != 0 || !is_whole) && code == ERR_NONE) {
        code = err_set(reterr, ERR_SYSTEM, c->output, "cannot be written: %s", strerror(errno));
    }
    if (code != ERR_NONE) {
        unlink(c->output); /* half a page is none */
    }
    return code;
}

static enum err_code make_page(struct choices *c, struct err *reterr)
{
    struct side sides[SIDES] = {0};
    enum err_code code = html_check_built(reterr);
    if (code == ERR_NONE && c->check != NULL) {
        code = read_verdict(c->check, &c->verdict, reterr);
    }
    for (size_t i = 0; i < c->count && code == ERR_NONE; i++) {
        code = load_side(c, i, &sides[i], reterr);
    }
    if (code == ERR_NONE) {
        code = write_file(c, sides, reterr);
    }
    for (size_t i = 0; i < c->count; i++) {
        advise_destroy(sides[i].advice);
        select_finish(&sides[i].selection);
        if (sides[i].profile != NULL) {
            profile_destroy(sides[i].profile);
        }
    }
    return code;
}

enum err_code command_html(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices choices = {0};
    enum err_code code = parse(argc, argv, &choices, reterr);
    if (code == ERR_NONE && choices.wants_help) {
        fputs(help, stdout);
        code = page_flush(stdout, reterr);
    } else if (code == ERR_NONE) {
        code = make_page(&choices, reterr);
    }
    free(choices.verdict);
    free(choices.wrappers.globs);
    if (code == ERR_NONE) {
        *ret_status = 0;
    }
    return code;
}
