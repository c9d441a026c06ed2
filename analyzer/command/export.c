/*
 * export - `alloctrap export`: a recording in the formats of other programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/outfile.h"
#include "command/command.h"
#include "export/export.h"
#include "export/export_lake.h"
#include "insight/name_form.h"
#include "store/store.h"

enum { FRAMES_DEFAULT = 50000, FRAMES_MAX = 1000000 };

static const char help[] =
    "usage: alloctrap export FILE --format=FORMAT -o OUT [OPTION...]\n"
    "       alloctrap export FILE... --lake=DIR [OPTION...]\n"
    "       alloctrap export --list\n"
    "\n"
    "Writes a recording as a flame graph, or in a format that other programs read.\n"
    "\n"
    "  --format=FORMAT    svg, folded, pprof, speedscope, ...; --list tells of each\n"
    "  -o, --output=OUT   the file to write; - is standard output\n"
    "  --call=NAME        hgrm: of this function alone: malloc, free, 'operator new'\n"
    "  --list             the formats: what opens each, what it shows, what it cannot\n"
    "  --lake=DIR         add recordings to a folder that query engines read as one table, as\n"
    "                     DIR/dt=DAY/service=SERVICE/host=HOST/RUN.ndjson.zst\n"
    "  --metric=METRIC    what to show, or to show first: allocations, bytes (default), peak,\n"
    "                     live, temporaries, time, free-time, peak-blocks, live-blocks, frees,\n"
    "                     calls\n"
    "  --base=BEFORE      svg and folded: what differs from this recording\n"
    "  --per-unit         with --base: for each unit of work that the recordings tell of\n"
    "  --inverted         svg and folded: from the allocating function outwards\n"
    "  --flame            svg: the root below\n"
    "  --icicle           svg: the root on top (the default where stacks are deep)\n"
    "  --frames=N         svg: join the smallest frames beyond so many; 0 = none (50000)\n"
    "  --focus=RE         only call sites with a function, file or library in their stack that\n"
    "                     matches this POSIX extended regular expression\n"
    "  --ignore=RE        all but those\n"
    "  --raw-names        functions as they are linked\n"
    "  --fold-templates   functions without template arguments\n"
    "  --help             this text\n"
    "\n"
    "examples:\n"
    "  alloctrap export run.atrap --format=svg --metric=allocations -o run.svg\n"
    "  alloctrap export after.atrap --base=before.atrap --format=svg --per-unit -o change.svg\n"
    "  alloctrap export run.atrap --format=folded -o - | flamegraph.pl > run.svg\n";

enum {
    OPT_FORMAT = 256,
    OPT_METRIC,
    OPT_BASE,
    OPT_FRAMES,
    OPT_CALL,
    OPT_LAKE,
    OPT_FOCUS,
    OPT_IGNORE,
    OPT_HELP
};

struct choices {
    const struct export_format *format;
    enum export_metric metric;
    const char *output;
    const char *lake; /* NULL: one file */
    char **files;
    int file_count;
    const char *base;
    const char *call;
    struct select_rule rule;
    uint64_t frames_max;
    int names; /* enum name_form */
    int is_inverted;
    int shape; /* enum export_shape */
    int is_per_unit;
    int wants_list;
    bool has_metric;
    bool wants_help;
};

static enum err_code take_format(struct choices *c, struct err *reterr)
{
    c->format = export_format_find(optarg);
    if (c->format != NULL) {
        return ERR_NONE;
    }
    char *shown = escape_terminal(optarg);
    enum err_code code = err_set(reterr, ERR_USAGE, NULL,
                                 "no format '%s'; `alloctrap export --list` tells of all", shown);
    free(shown);
    return code;
}

static enum err_code take_metric(struct choices *c, struct err *reterr)
{
    c->has_metric = true;
    if (export_metric_parse(optarg, &c->metric)) {
        return ERR_NONE;
    }
    char *shown = escape_terminal(optarg);
    enum err_code code = err_set(reterr, ERR_USAGE, NULL,
                                 "no metric '%s'; `alloctrap export --help` names them", shown);
    free(shown);
    return code;
}

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    switch (option) {
    case OPT_FORMAT:
        return take_format(c, reterr);
    case OPT_METRIC:
        return take_metric(c, reterr);
    case OPT_FRAMES:
        return options_number("--frames", optarg, FRAMES_MAX, &c->frames_max, reterr);
    case OPT_BASE:
        c->base = optarg;
        break;
    case OPT_CALL:
        c->call = optarg;
        break;
    case OPT_LAKE:
        c->lake = optarg;
        break;
    case OPT_FOCUS:
        c->rule.focus = optarg;
        break;
    case OPT_IGNORE:
        c->rule.ignore = optarg;
        break;
    case 'o':
        c->output = optarg;
        break;
    default:
        c->wants_help = true;
        break;
    }
    return ERR_NONE;
}

/* An option that a format has no use for is refused, not forgotten. */
static enum err_code check_fit(const struct choices *c, struct err *reterr)
{
    const char *name = c->format->name;
    bool is_svg = strcmp(name, "svg") == 0;
    bool filters = c->rule.focus != NULL || c->rule.ignore != NULL;
    const struct {
        const char *option;
        bool is_useless;
    } options[] = {
        {"--metric", c->has_metric && c->format->takes == EXPORT_TAKES_NONE},
        {"--base", c->base != NULL && !c->format->can_compare},
        {"--inverted", c->is_inverted && !c->format->can_compare},
        {"--icicle", c->shape == EXPORT_SHAPE_ICICLE && !is_svg},
        {"--flame", c->shape == EXPORT_SHAPE_FLAME && !is_svg},
        {"--frames", c->frames_max != FRAMES_DEFAULT && !is_svg},
        {"--call", c->call != NULL && strcmp(name, "hgrm") != 0},
        {"--focus or --ignore", filters && strcmp(name, "heaptrack") == 0},
        {"--per-unit", c->is_per_unit && c->base == NULL},
    };
    const char *useless = NULL;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        useless = options[i].is_useless ? options[i].option : useless;
    }
    if (useless == NULL) {
        return ERR_NONE;
    }
    return err_set(reterr, ERR_USAGE, NULL, "%s has no meaning for --format=%s%s; leave it out",
                   useless, name, c->is_per_unit && c->base == NULL ? " without --base" : "");
}

static enum err_code check_choices(int argc, char **argv, struct choices *c, struct err *reterr)
{
    c->files = argv + optind;
    c->file_count = argc - optind;
    if (c->lake != NULL) {
        bool is_alone = c->format == NULL && c->output == NULL && c->base == NULL && !c->has_metric;
        return is_alone && c->file_count > 0
                   ? ERR_NONE
                   : err_set(reterr, ERR_USAGE, NULL,
                             "--lake wants recordings, and no other format, metric or output: "
                             "alloctrap export run1.atrap run2.atrap --lake=DIR");
    }
    if (c->file_count != 1 || c->format == NULL || c->output == NULL) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "export wants one recording, a format and a file to write: "
                       "alloctrap export run.atrap --format=svg -o run.svg");
    }
    return check_fit(c, reterr);
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    const struct option longs[] = {{"format", required_argument, NULL, OPT_FORMAT},
                                   {"output", required_argument, NULL, 'o'},
                                   {"metric", required_argument, NULL, OPT_METRIC},
                                   {"base", required_argument, NULL, OPT_BASE},
                                   {"frames", required_argument, NULL, OPT_FRAMES},
                                   {"call", required_argument, NULL, OPT_CALL},
                                   {"lake", required_argument, NULL, OPT_LAKE},
                                   {"focus", required_argument, NULL, OPT_FOCUS},
                                   {"ignore", required_argument, NULL, OPT_IGNORE},
                                   {"inverted", no_argument, &c->is_inverted, 1},
                                   {"icicle", no_argument, &c->shape, EXPORT_SHAPE_ICICLE},
                                   {"flame", no_argument, &c->shape, EXPORT_SHAPE_FLAME},
                                   {"per-unit", no_argument, &c->is_per_unit, 1},
                                   {"raw-names", no_argument, &c->names, NAME_RAW},
                                   {"fold-templates", no_argument, &c->names, NAME_FOLDED},
                                   {"list", no_argument, &c->wants_list, 1},
                                   {"help", no_argument, NULL, OPT_HELP},
                                   {0}};
    enum err_code code = options_each(argc, argv, ":o:", longs, take_option, c, reterr);
    return code != ERR_NONE || c->wants_help || c->wants_list
               ? code
               : check_choices(argc, argv, c, reterr);
}

/* A side as it is loaded; what the job only borrows. */
struct side {
    struct profile *profile;
    struct selection selection;
    struct export_stacks *stacks;
};

static void close_side(struct side *side)
{
    if (side->profile != NULL) {
        export_stacks_destroy(side->stacks);
        select_finish(&side->selection);
        profile_destroy(side->profile);
    }
}

static enum err_code open_side(const struct choices *c, const char *path, struct side *side,
                               struct export_side *ret, struct err *reterr)
{
    enum err_code code = store_load(path, &side->profile, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    name_form_apply(side->profile, (enum name_form)c->names);
    code = select_sites(side->profile, &c->rule, &side->selection, reterr);
    if (code == ERR_NONE) {
        side->stacks = export_stacks_create(side->profile, &side->selection);
        *ret = (struct export_side){path, side->profile, &side->selection, side->stacks};
    }
    return code;
}

static enum err_code check_units(const struct export_job *job, struct err *reterr)
{
    const struct export_side *sides[] = {&job->base, &job->side};
    for (size_t i = 0; job->is_per_unit && i < 2; i++) {
        if (sides[i]->profile->run.units == 0) {
            return err_set(reterr, ERR_USAGE, sides[i]->path,
                           "tells of no units of work; record with --units=N:NAME, or leave "
                           "--per-unit out");
        }
    }
    return ERR_NONE;
}

static enum err_code write_file(const struct choices *c, struct export_job *job, struct err *reterr)
{
    struct outfile file;
    enum err_code code = check_units(job, reterr);
    if (code == ERR_NONE) {
        code = outfile_open(c->output, &file, reterr);
    }
    if (code != ERR_NONE) {
        return code;
    }
    job->out = file.stream;
    code = c->format->write(job, reterr);
    return outfile_close(&file, code, reterr);
}

static enum err_code export_file(const struct choices *c, const char *file, struct err *reterr)
{
    struct side side = {0};
    struct side base = {0};
    struct export_job job = {.rule = c->rule,
                             .metric = c->metric,
                             .call = c->call,
                             .frames_max = (size_t)c->frames_max,
                             .is_inverted = c->is_inverted != 0,
                             .shape = (enum export_shape)c->shape,
                             .is_per_unit = c->is_per_unit != 0};
    enum err_code code = open_side(c, file, &side, &job.side, reterr);
    if (code == ERR_NONE && c->base != NULL) {
        code = open_side(c, c->base, &base, &job.base, reterr);
    }
    if (code == ERR_NONE) {
        code =
            c->lake != NULL ? export_lake_add(&job, c->lake, reterr) : write_file(c, &job, reterr);
    }
    close_side(&base);
    close_side(&side);
    return code;
}

static void print_list(void)
{
    for (const struct export_format *f = export_formats; f->name != NULL; f++) {
        printf("%-11s for %s: %s; not: %s\n", f->name, f->opens, f->shows, f->cannot);
    }
}

enum err_code command_export(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices choices = {.metric = EXPORT_BYTES, .frames_max = FRAMES_DEFAULT};
    enum err_code code = parse(argc, argv, &choices, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    *ret_status = 0;
    if (choices.wants_help || choices.wants_list) {
        if (choices.wants_help) {
            fputs(help, stdout);
        } else {
            print_list();
        }
        return ERR_NONE;
    }
    for (int i = 0; i < choices.file_count && code == ERR_NONE; i++) {
        code = export_file(&choices, choices.files[i], reterr);
    }
    return code;
}
