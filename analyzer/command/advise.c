/*
 * advise - `alloctrap advise`: what to do about a recording's allocations.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/options.h"
#include "command/command.h"
#include "insight/advise.h"
#include "insight/name_form.h"
#include "store/store.h"
#include "view/advise.h"

enum { TOP_OF_TEXT = 5, TOP_MAX = 1000000000, PERMILLE_MAX = 1000 };

static const char help[] =
    "usage: alloctrap advise FILE [OPTION...]\n"
    "\n"
    "Says what to do about a program's allocations: which trap, the evidence, what a fix would "
    "save,\n"
    "how sure that is, and the usual fix. Only what the recorded calls show is claimed.\n"
    "\n"
    "  --top=N           so many findings; 0 = all (default: 5, all with --json)\n"
    "  --threshold=N     leave out what would change less than N thousandths of all allocations,\n"
    "                    bytes, allocator time and the peak (default: 10, which is 1 %)\n"
    "  --silence=KIND[:FUNCTION]\n"
    "                    leave out this kind, or this kind where the allocating function matches\n"
    "                    the shell pattern; may be given again\n"
    "  --wrapper=GLOB    functions to see through, like xmalloc; may be given again\n"
    "  --raw-names       functions as they are linked\n"
    "  --fold-templates  without template arguments: std::vector<...>::push_back\n"
    "  --json            JSON (alloctrap-advice/1)\n"
    "  --markdown        GitHub markdown\n"
    "  --help            this text\n"
    "\n"
    "kinds: zeroed growth presize many-steps boxed scratch temporary arena pool cold-pool\n"
    "       oversized retained leak ping-pong slow-calls\n"
    "\n"
    "examples:\n"
    "  alloctrap advise run.atrap\n"
    "  alloctrap advise run.atrap --silence=leak --silence='temporary:parse_*' --markdown\n";

enum { OPT_TOP = 256, OPT_THRESHOLD, OPT_SILENCE, OPT_WRAPPER, OPT_HELP };

enum form { FORM_TEXT, FORM_JSON, FORM_MARKDOWN };

struct choices {
    const char *file;
    int form;  /* enum form */
    int names; /* enum name_form */
    uint64_t top;
    bool has_top;
    uint64_t threshold_permille;
    struct site_wrappers wrappers;
    MEM_ARRAY(struct advise_silence) silences;
    bool wants_help;
};

static enum err_code add_silence(const char *text, struct choices *c, struct err *reterr)
{
    size_t length = strcspn(text, ":");
    char *name = mem_format("%.*s", (int)length, text);
    struct advise_silence silence = {.glob = text[length] == ':' ? text + length + 1 : NULL};
    bool is_known = finding_parse(name, &silence.kind);
    free(name);
    if (!is_known) {
        char *shown = escape_terminal(text);
        enum err_code code = err_set(reterr, ERR_USAGE, NULL,
                                     "--silence takes a kind of finding, or KIND:FUNCTION, not "
                                     "'%s'; `alloctrap advise --help` lists the kinds",
                                     shown);
        free(shown);
        return code;
    }
    *MEM_PUSH(&c->silences) = silence;
    return ERR_NONE;
}

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    switch (option) {
    case OPT_TOP:
        c->has_top = true;
        return options_number("--top", optarg, TOP_MAX, &c->top, reterr);
    case OPT_THRESHOLD:
        return options_number("--threshold", optarg, PERMILLE_MAX, &c->threshold_permille, reterr);
    case OPT_SILENCE:
        return add_silence(optarg, c, reterr);
    case OPT_WRAPPER:
        site_wrappers_add(&c->wrappers, optarg);
        break;
    default:
        c->wants_help = true;
        break;
    }
    return ERR_NONE;
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    const struct option longs[] = {{"top", required_argument, NULL, OPT_TOP},
                                   {"threshold", required_argument, NULL, OPT_THRESHOLD},
                                   {"silence", required_argument, NULL, OPT_SILENCE},
                                   {"wrapper", required_argument, NULL, OPT_WRAPPER},
                                   {"raw-names", no_argument, &c->names, NAME_RAW},
                                   {"fold-templates", no_argument, &c->names, NAME_FOLDED},
                                   {"json", no_argument, &c->form, FORM_JSON},
                                   {"markdown", no_argument, &c->form, FORM_MARKDOWN},
                                   {"help", no_argument, NULL, OPT_HELP},
                                   {0}};
    enum err_code code = options_each(argc, argv, ":", longs, take_option, c, reterr);
    if (code != ERR_NONE || c->wants_help) {
        return code;
    }
    if (argc - optind != 1) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "advise takes one recording, not %d; usage: alloctrap advise FILE "
                       "[OPTION...]",
                       argc - optind);
    }
    c->file = argv[optind];
    return ERR_NONE;
}

static enum err_code print(const struct choices *c, struct profile *profile, struct err *reterr)
{
    name_form_apply(profile, (enum name_form)c->names);
    struct advise_options options = {.threshold_permille = (uint32_t)c->threshold_permille,
                                     .wrappers = &c->wrappers,
                                     .silences = c->silences.at,
                                     .silence_count = c->silences.count};
    struct advice *advice = advise_profile(profile, &options);
    size_t top = c->has_top ? (size_t)c->top : c->form == FORM_JSON ? 0 : TOP_OF_TEXT;
    struct advise_view view = {
        .advice = advice, .wrappers = &c->wrappers, .file = c->file, .top = top};
    if (c->form == FORM_JSON) {
        advise_json(&view, stdout);
    } else {
        struct page page = page_on(stdout, c->form == FORM_MARKDOWN ? PAGE_MARKDOWN : PAGE_TEXT);
        advise_print(&view, &page);
    }
    advise_destroy(advice);
    return page_flush(stdout, reterr);
}

enum err_code command_advise(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices choices = {.form = FORM_TEXT, .threshold_permille = ADVISE_THRESHOLD_PERMILLE};
    struct profile *profile = NULL;
    enum err_code code = parse(argc, argv, &choices, reterr);
    if (code == ERR_NONE && choices.wants_help) {
        fputs(help, stdout);
        code = page_flush(stdout, reterr);
    } else if (code == ERR_NONE) {
        code = store_load(choices.file, &profile, reterr);
        if (code == ERR_NONE) {
            code = print(&choices, profile, reterr);
            profile_destroy(profile);
        }
    }
    free(choices.wrappers.globs);
    free(choices.silences.at);
    if (code == ERR_NONE) {
        *ret_status = 0;
    }
    return code;
}
