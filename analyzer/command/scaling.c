/*
 * scaling - `alloctrap scaling`: how allocations grow with the input.
 */
#include <errno.h>
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
#include "view/scaling.h"

enum { TOP_OF_TEXT = 15, TOP_MAX = 1000000000 };

#define SIZE_MAX_TOLD UINT64_C(1000000000000000)

static const char help[] =
    "usage: alloctrap scaling N=FILE N=FILE N=FILE... [OPTION...]\n"
    "       alloctrap scaling --run 'CMD {}' --sizes N,N,N... [OPTION...]\n"
    "\n"
    "Fits how allocations, bytes, bytes copied, peak and allocator time grow with the size N of "
    "the\n"
    "input, for the program and for each allocating function, and says what will hurt. At least "
    "three\n"
    "sizes; the wider apart, the better.\n"
    "\n"
    "  --predict=N       for inputs of this size (default: ten times the largest)\n"
    "  --run=CMD         record this command for each size, with the size in place of {}\n"
    "  --sizes=N,N,N     these sizes\n"
    "  --keep=DIR        keep the recordings of --run in this folder, as N.atrap\n"
    "  --sites           each call path for itself, not all that come to one function and line\n"
    "  --svg=OUT         write a plot, both axes logarithmic\n"
    "  --metric=M        of the plot: allocations (default), bytes, copied, peak, time\n"
    "  --top=N           so many functions; 0 = all (default: 15, all with --json)\n"
    "  --wrapper=GLOB    functions to see through, like xmalloc; may be given again\n"
    "  --fold-templates  without template arguments: std::vector<...>::push_back\n"
    "  --json            JSON (alloctrap-scaling/1)\n"
    "  --markdown        GitHub markdown\n"
    "  --help            this text\n"
    "\n"
    "examples:\n"
    "  alloctrap scaling 100=a.atrap 1000=b.atrap 10000=c.atrap --predict=10000000\n"
    "  alloctrap scaling --run './parse --lines={}' --sizes 100,1000,10000 --svg=growth.svg\n";

enum {
    OPT_PREDICT = 256,
    OPT_RUN,
    OPT_SIZES,
    OPT_KEEP,
    OPT_SVG,
    OPT_METRIC,
    OPT_TOP,
    OPT_WRAPPER,
    OPT_HELP
};

enum form { FORM_TEXT, FORM_JSON, FORM_MARKDOWN };

struct sized {
    uint64_t size;
    char *file;
};

struct choices {
    MEM_ARRAY(struct sized) inputs; /* ascending by size */
    const char *run;
    const char *sizes;
    const char *keep;
    const char *svg;
    enum scaling_metric metric;
    uint64_t predict_size;
    int form;     /* enum form */
    int names;    /* enum name_form */
    int grouping; /* enum finding_grouping */
    uint64_t top;
    bool has_top;
    struct site_wrappers wrappers;
    bool wants_help;
};

static enum err_code parse_metric(const char *text, enum scaling_metric *ret, struct err *reterr)
{
    if (scaling_metric_parse(text, ret)) {
        return ERR_NONE;
    }
    char *shown = escape_terminal(text);
    enum err_code code =
        err_set(reterr, ERR_USAGE, NULL,
                "--metric takes allocations, bytes, copied, peak or time, not '%s'", shown);
    free(shown);
    return code;
}

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    switch (option) {
    case OPT_PREDICT:
        return options_number("--predict", optarg, SIZE_MAX_TOLD, &c->predict_size, reterr);
    case OPT_RUN:
        c->run = optarg;
        break;
    case OPT_SIZES:
        c->sizes = optarg;
        break;
    case OPT_KEEP:
        c->keep = optarg;
        break;
    case OPT_SVG:
        c->svg = optarg;
        break;
    case OPT_METRIC:
        return parse_metric(optarg, &c->metric, reterr);
    case OPT_TOP:
        c->has_top = true;
        return options_number("--top", optarg, TOP_MAX, &c->top, reterr);
    case OPT_WRAPPER:
        site_wrappers_add(&c->wrappers, optarg);
        break;
    default:
        c->wants_help = true;
        break;
    }
    return ERR_NONE;
}

static int by_size(const void *left, const void *right)
{
    const struct sized *a = left;
    const struct sized *b = right;
    return (a->size > b->size) - (a->size < b->size);
}

static enum err_code add_input(struct choices *c, const char *text, size_t length, const char *file,
                               struct err *reterr)
{
    char *number = mem_format("%.*s", (int)length, text);
    struct sized sized = {0};
    enum err_code code = options_number("a size", number, SIZE_MAX_TOLD, &sized.size, reterr);
    free(number);
    if (code == ERR_NONE && sized.size == 0) {
        code = err_set(reterr, ERR_USAGE, NULL, "a size of 0 has no logarithm; begin at 1");
    }
    if (code == ERR_NONE) {
        sized.file = file != NULL ? mem_text(file) : NULL;
        *MEM_PUSH(&c->inputs) = sized;
    }
    return code;
}

static enum err_code take_sizes(struct choices *c, struct err *reterr)
{
    enum err_code code = ERR_NONE;
    const char *at = c->sizes;
    while (code == ERR_NONE && *at != '\0') {
        size_t length = strcspn(at, ",");
        code = add_input(c, at, length, NULL, reterr);
        at += length + (at[length] == ',');
    }
    return code;
}

static enum err_code take_files(struct choices *c, int count, char **files, struct err *reterr)
{
    enum err_code code = ERR_NONE;
    for (int i = 0; i < count && code == ERR_NONE; i++) {
        size_t length = strcspn(files[i], "=");
        if (files[i][length] != '=') {
            char *shown = escape_terminal(files[i]);
            code = err_set(reterr, ERR_USAGE, NULL,
                           "'%s' does not say its size; give recordings as N=FILE", shown);
            free(shown);
            return code;
        }
        code = add_input(c, files[i], length, files[i] + length + 1, reterr);
    }
    return code;
}

static enum err_code check_inputs(struct choices *c, struct err *reterr)
{
    if (c->inputs.count < SCALING_SIZES_MIN || c->inputs.count > SCALING_SIZES_MAX) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "scaling takes %d to %d sizes, not %zu; two points fit every law",
                       SCALING_SIZES_MIN, SCALING_SIZES_MAX, c->inputs.count);
    }
    qsort(c->inputs.at, c->inputs.count, sizeof *c->inputs.at, by_size);
    for (size_t i = 1; i < c->inputs.count; i++) {
        if (c->inputs.at[i].size == c->inputs.at[i - 1].size) {
            return err_set(reterr, ERR_USAGE, NULL,
                           "each size is given once; merge recordings of one size with "
                           "`alloctrap merge` beforehand");
        }
    }
    return ERR_NONE;
}

static enum err_code check_choices(int argc, char **argv, struct choices *c, struct err *reterr)
{
    bool is_run = c->run != NULL;
    if (is_run != (c->sizes != NULL) || (is_run && optind != argc)) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--run and --sizes go together, and without recordings: alloctrap scaling "
                       "--run 'CMD {}' --sizes 100,1000,10000");
    }
    if (is_run && strstr(c->run, "{}") == NULL) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "the command of --run has no {}, which stands for the size");
    }
    if (!is_run && c->keep != NULL) {
        return err_set(reterr, ERR_USAGE, NULL, "--keep goes with --run; recordings stay anyway");
    }
    enum err_code code =
        is_run ? take_sizes(c, reterr) : take_files(c, argc - optind, argv + optind, reterr);
    return code == ERR_NONE ? check_inputs(c, reterr) : code;
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    const struct option longs[] = {{"predict", required_argument, NULL, OPT_PREDICT},
                                   {"run", required_argument, NULL, OPT_RUN},
                                   {"sizes", required_argument, NULL, OPT_SIZES},
                                   {"keep", required_argument, NULL, OPT_KEEP},
                                   {"svg", required_argument, NULL, OPT_SVG},
                                   {"metric", required_argument, NULL, OPT_METRIC},
                                   {"top", required_argument, NULL, OPT_TOP},
                                   {"wrapper", required_argument, NULL, OPT_WRAPPER},
                                   {"sites", no_argument, &c->grouping, FINDING_BY_STACK},
                                   {"fold-templates", no_argument, &c->names, NAME_FOLDED},
                                   {"json", no_argument, &c->form, FORM_JSON},
                                   {"markdown", no_argument, &c->form, FORM_MARKDOWN},
                                   {"help", no_argument, NULL, OPT_HELP},
                                   {0}};
    enum err_code code = options_each(argc, argv, ":", longs, take_option, c, reterr);
    return code != ERR_NONE || c->wants_help ? code : check_choices(argc, argv, c, reterr);
}

/* The command with a size in place of each {}; free() it. */
static char *command_for(const char *command, uint64_t size)
{
    char *text = mem_text("");
    for (const char *hole; (hole = strstr(command, "{}")) != NULL; command = hole + 2) {
        char *longer = mem_format("%s%.*s%llu", text, (int)(hole - command), command,
                                  (unsigned long long)size);
        free(text);
        text = longer;
    }
    char *whole = mem_format("%s%s", text, command);
    free(text);
    return whole;
}

static enum err_code record_all(struct choices *c, const char *folder, struct err *reterr)
{
    enum err_code code = ERR_NONE;
    for (size_t i = 0; i < c->inputs.count && code == ERR_NONE; i++) {
        struct sized *input = &c->inputs.at[i];
        char *command = command_for(c->run, input->size);
        char *what = mem_format("%zu of %zu", i + 1, c->inputs.count);
        int status = 0;
        input->file = mem_format("%s/%llu.atrap", folder, (unsigned long long)input->size);
        code = record_runs_run(command, input->file, NULL, what, &status, reterr);
        char *trouble = code == ERR_NONE ? record_runs_trouble(status) : NULL;
        if (trouble != NULL) {
            char *shown = escape_terminal(command);
            fprintf(stderr, "alloctrap: '%s' %s; used all the same\n", shown, trouble);
            free(shown);
        }
        free(trouble);
        free(what);
        free(command);
    }
    return code;
}

static enum err_code write_svg(const struct choices *c, const struct scaling_view *view,
                               struct err *reterr)
{
    FILE *out = fopen(c->svg, "w");
    if (out == NULL) {
        return err_set(reterr, ERR_SYSTEM, c->svg, "cannot be written: %s", strerror(errno));
    }
    scaling_svg(view, c->metric, out);
    bool is_bad = ferror(out) != 0;
    if (fclose(out) != 0 || is_bad) {
        return err_set(reterr, ERR_SYSTEM, c->svg, "cannot be written: %s", strerror(errno));
    }
    return ERR_NONE;
}

static enum err_code print(const struct choices *c, const struct scaling_input *inputs,
                           struct err *reterr)
{
    struct scaling *scaling = scaling_of(inputs, c->inputs.count, (double)c->predict_size,
                                         (enum finding_grouping)c->grouping, &c->wrappers);
    struct scaling_view view = {.scaling = scaling,
                                .top = c->has_top             ? (size_t)c->top
                                       : c->form == FORM_JSON ? 0
                                                              : TOP_OF_TEXT};
    if (c->form == FORM_JSON) {
        scaling_json(&view, stdout);
    } else {
        struct page page = page_on(stdout, c->form == FORM_MARKDOWN ? PAGE_MARKDOWN : PAGE_TEXT);
        scaling_print(&view, &page);
    }
    enum err_code code = page_flush(stdout, reterr);
    if (code == ERR_NONE && c->svg != NULL) {
        code = write_svg(c, &view, reterr);
    }
    scaling_destroy(scaling);
    return code;
}

static enum err_code fit_files(const struct choices *c, struct err *reterr)
{
    struct scaling_input inputs[SCALING_SIZES_MAX];
    struct profile *profiles[SCALING_SIZES_MAX];
    size_t loaded = 0;
    enum err_code code = ERR_NONE;
    while (loaded < c->inputs.count && code == ERR_NONE) {
        code = store_load(c->inputs.at[loaded].file, &profiles[loaded], reterr);
        if (code == ERR_NONE) {
            name_form_apply(profiles[loaded], (enum name_form)c->names);
            inputs[loaded] =
                (struct scaling_input){(double)c->inputs.at[loaded].size, profiles[loaded]};
            loaded += 1;
        }
    }
    if (code == ERR_NONE) {
        code = print(c, inputs, reterr);
    }
    while (loaded > 0) {
        profile_destroy(profiles[--loaded]);
    }
    return code;
}

static enum err_code run_and_fit(struct choices *c, struct err *reterr)
{
    struct record_runs runs;
    enum err_code code = record_runs_open(&runs, c->keep, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = record_all(c, runs.folder, reterr);
    if (code == ERR_NONE) {
        code = fit_files(c, reterr);
    }
    record_runs_close(&runs);
    return code;
}

enum err_code command_scaling(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices choices = {.form = FORM_TEXT};
    enum err_code code = parse(argc, argv, &choices, reterr);
    if (code == ERR_NONE && choices.wants_help) {
        fputs(help, stdout);
        code = page_flush(stdout, reterr);
    } else if (code == ERR_NONE) {
        code = choices.run != NULL ? run_and_fit(&choices, reterr) : fit_files(&choices, reterr);
    }
    for (size_t i = 0; i < choices.inputs.count; i++) {
        free(choices.inputs.at[i].file);
    }
    free(choices.inputs.at);
    free(choices.wrappers.globs);
    if (code == ERR_NONE) {
        *ret_status = 0;
    }
    return code;
}
