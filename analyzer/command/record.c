#include "budget/policy_values.h"
#include "command/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/options.h"
#include "live/live_record.h"

enum {
    OPTION_TRACE = 256,
    OPTION_ON_FULL,
    OPTION_LATENCY,
    OPTION_FREE_STACKS,
    OPTION_DEPTH,
    OPTION_FOLLOW,
    OPTION_STACKS,
    OPTION_UNITS,
    OPTION_NO_COMMAND,
    OPTION_MARK_AT,
    OPTION_SLOW_CAUSES
};

static const struct option options_known[] = {
    {"output", required_argument, NULL, 'o'},
    {"trace", no_argument, NULL, OPTION_TRACE},
    {"on-full", required_argument, NULL, OPTION_ON_FULL},
    {"latency", required_argument, NULL, OPTION_LATENCY},
    {"slow-causes", required_argument, NULL, OPTION_SLOW_CAUSES},
    {"free-stacks", required_argument, NULL, OPTION_FREE_STACKS},
    {"depth", required_argument, NULL, OPTION_DEPTH},
    {"follow", required_argument, NULL, OPTION_FOLLOW},
    {"stacks", required_argument, NULL, OPTION_STACKS},
    {"units", required_argument, NULL, OPTION_UNITS},
    {"no-command", no_argument, NULL, OPTION_NO_COMMAND},
    {"mark-at", required_argument, NULL, OPTION_MARK_AT},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static void print_help(void)
{
    fputs(
        "usage: alloctrap record [OPTION...] -- CMD [ARGUMENT...]\n\n"
        "Runs CMD and records each allocation it and the processes it starts make. Its input,\n"
        "output and exit status (128 + N when killed by signal N) stay its own.\n\n"
        "  -o, --output=FILE        the recording (alloctrap.CMD.PID.atrap here)\n"
        "      --trace              keep every event, not only the profile\n"
        "      --on-full=wait|drop  when events come too fast: wait a bounded time (wait), or not\n"
        "      --latency=on|off     time each call (on)\n"
        "      --slow-causes=on|off ask the kernel what slow calls met, at places that had one "
        "(on)\n"
        "      --free-stacks=on|off where blocks are freed, too (on)\n"
        "      --depth=N            innermost frames kept of each stack, 1 to 512 (512)\n"
        "      --follow=all|none    record what CMD starts, too (all)\n"
        "      --stacks=walk|unwind|compare|none   how stacks are found (walk)\n"
        "      --units=N[:NAME]     CMD does N units of work: reports show numbers for each\n"
        "      --no-command         leave the arguments of programs out of the recording\n"
        "      --mark-at=TIME       a mark so long after the start, as in 2s, for budgets of what\n"
        "                           comes later\n"
        "  -q, --quiet              no last line on standard error\n"
        "  -h, --help               this text\n\n"
        "examples:\n"
        "  alloctrap record -- ./parse access.log\n"
        "  alloctrap record -o run.atrap --units=1000000:line -- ./parse access.log\n",
        stdout);
}

/* text is one of words ("on", "off", NULL): its place in *ret. */
static enum err_code parse_word(const char *name, const char *text, const char *const *words,
                                unsigned *ret, struct err *reterr)
{
    char *list = mem_text("");
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret = i;
            free(list);
            return ERR_NONE;
        }
        char *longer = mem_format("%s%s%s", list, i == 0 ? "" : "|", words[i]);
        free(list);
        list = longer;
    }
    enum err_code code = err_set(reterr, ERR_USAGE, NULL, "%s wants %s", name, list);
    free(list);
    return code;
}

static enum err_code parse_switch(const char *name, bool *ret, struct err *reterr)
{
    static const char *const words[] = {"off", "on", NULL};
    unsigned word = 0;
    enum err_code code = parse_word(name, optarg, words, &word, reterr);
    *ret = word == 1;
    return code;
}

static enum err_code parse_depth(struct live_settings *settings, struct err *reterr)
{
    uint64_t depth = 0;
    if (options_number("--depth", optarg, SESSION_DEPTH_MAX, &depth, NULL) != ERR_NONE ||
        depth == 0) {
        return err_set(reterr, ERR_USAGE, NULL, "--depth wants 1 to %d frames", SESSION_DEPTH_MAX);
    }
    settings->depth_max = (uint32_t)depth;
    return ERR_NONE;
}

static enum err_code parse_units(struct live_record_options *options, struct err *reterr)
{
    const char *name = NULL;
    enum err_code code = options_units(optarg, &options->units, &name, reterr);
    options->unit_name = name != NULL ? name : "unit";
    return code;
}

static enum err_code parse_mark_at(uint64_t *ret_ns, struct err *reterr)
{
    struct budget_ratio time;
    if (policy_value_parse(optarg, BUDGET_NS, &time) != NULL || time.num < time.den) {
        char *shown = escape_terminal(optarg);
        enum err_code code = err_set(reterr, ERR_USAGE, NULL,
                                     "--mark-at wants a time with its unit, as in 2s or 250ms, "
                                     "not '%s'",
                                     shown);
        free(shown);
        return code;
    }
    *ret_ns = time.num / time.den;
    return ERR_NONE;
}

static enum err_code parse_choice(int option, struct live_settings *settings, struct err *reterr)
{
    static const char *const full_words[] = {"wait", "drop", NULL};
    static const char *const follow_words[] = {"none", "all", NULL};
    static const char *const stacks_words[] = {"walk", "unwind", "compare", "none", NULL};
    unsigned word = 0;
    enum err_code code;
    switch (option) {
    case OPTION_ON_FULL:
        code = parse_word("--on-full", optarg, full_words, &word, reterr);
        settings->on_full = (enum session_on_full)word;
        return code;
    case OPTION_FOLLOW:
        code = parse_word("--follow", optarg, follow_words, &word, reterr);
        settings->follow_on = word == 1;
        return code;
    default:
        code = parse_word("--stacks", optarg, stacks_words, &word, reterr);
        settings->stacks_by = (enum session_stacks_by)word;
        return code;
    }
}

struct choices {
    struct live_record_options options;
    bool wants_help;
};

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    struct live_record_options *options = &c->options;
    switch (option) {
    case 'o':
        options->output = optarg;
        return ERR_NONE;
    case 'q':
        options->is_quiet = true;
        return ERR_NONE;
    case OPTION_TRACE:
        options->is_trace = true;
        return ERR_NONE;
    case OPTION_NO_COMMAND:
        options->settings.is_command_left_out = true;
        return ERR_NONE;
    case OPTION_LATENCY:
        return parse_switch("--latency", &options->settings.latency_on, reterr);
    case OPTION_SLOW_CAUSES:
        return parse_switch("--slow-causes", &options->settings.causes_on, reterr);
    case OPTION_FREE_STACKS:
        return parse_switch("--free-stacks", &options->settings.free_stacks_on, reterr);
    case OPTION_DEPTH:
        return parse_depth(&options->settings, reterr);
    case OPTION_UNITS:
        return parse_units(options, reterr);
    case OPTION_MARK_AT:
        return parse_mark_at(&options->mark_at_ns, reterr);
    case OPTION_ON_FULL:
    case OPTION_FOLLOW:
    case OPTION_STACKS:
        return parse_choice(option, &options->settings, reterr);
    default:
        c->wants_help = true;
        return ERR_NONE;
    }
}

enum err_code command_record(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices c = {.options.settings = {.depth_max = SESSION_DEPTH_MAX,
                                             .latency_on = true,
                                             .causes_on = true,
                                             .free_stacks_on = true,
                                             .follow_on = true}};
    enum err_code code = options_each(argc, argv, "+:o:qh", options_known, take_option, &c, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    if (c.wants_help) {
        print_help();
        return ERR_NONE;
    }
    if (optind >= argc) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "no command to record; say: alloctrap record -- CMD [ARGUMENT...]");
    }
    if (c.options.output != NULL && c.options.output[0] == '\0') {
        return err_set(reterr, ERR_USAGE, NULL, "-o wants the name of a file");
    }
    return live_record(&c.options, argv + optind, ret_status, reterr);
}
