/*
 * symbolize - `alloctrap symbolize FILE`: names for what was recorded without them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/options.h"
#include "command/command.h"
#include "store/store.h"
#include "symbol/symbol.h"
#include "view/symbolize.h"

static const char usage[] =
    "usage: alloctrap symbolize FILE [OPTION...]\n\n"
    "Names the functions and source lines that a recording lacks, later or on another machine.\n"
    "Files are recognised by their build-id: those of another build are told, never used.\n\n"
    "  --debug-dir=DIR   look for debug files here too, laid out as in /usr/lib/debug\n"
    "  --sysroot=DIR     the files of the recorded machine are below DIR\n"
    "  --debuginfod      ask the servers of DEBUGINFOD_URLS for what is missing\n"
    "  --no-cache        look everything up again\n"
    "  -o, --output=OUT  write a new recording; without it FILE itself is completed\n"
    "  --help            this text\n\n"
    "examples:\n"
    "  alloctrap symbolize run.atrap --sysroot /srv/target-root\n"
    "  DEBUGINFOD_URLS=https://debuginfod.debian.net alloctrap symbolize run.atrap --debuginfod\n";

enum { OPT_DEBUG_DIR = 256, OPT_SYSROOT, OPT_DEBUGINFOD, OPT_NO_CACHE };

static const struct option long_options[] = {
    {"debug-dir", required_argument, NULL, OPT_DEBUG_DIR},
    {"sysroot", required_argument, NULL, OPT_SYSROOT},
    {"debuginfod", no_argument, NULL, OPT_DEBUGINFOD},
    {"no-cache", no_argument, NULL, OPT_NO_CACHE},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct choices {
    struct symbol_options symbols;
    const char *file;
    const char *output;
    bool wants_help;
};

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    (void)reterr;
    struct choices *c = choices;
    switch (option) {
    case OPT_DEBUG_DIR:
        c->symbols.sources.debug_dir = optarg;
        break;
    case OPT_SYSROOT:
        c->symbols.sources.sysroot = optarg;
        break;
    case OPT_DEBUGINFOD:
        c->symbols.sources.asks_debuginfod = true;
        break;
    case OPT_NO_CACHE:
        c->symbols.avoids_cache = true;
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

static enum err_code check_folder(const char *option, const char *folder, struct err *reterr)
{
    struct stat info;
    if (folder == NULL) {
        return ERR_NONE;
    }
    if (strchr(folder, ':') != NULL) {
        return err_set(reterr, ERR_USAGE, folder,
                       "%s takes one folder, without ':' in its name (it separates folders where "
                       "debug files are looked for)",
                       option);
    }
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return err_set(reterr, ERR_MISSING, folder, "is not a folder; %s wants one", option);
    }
    return ERR_NONE;
}

static enum err_code check_choices(int argc, char **argv, struct choices *c, struct err *reterr)
{
    const char *urls = getenv("DEBUGINFOD_URLS");
    if (argc - optind != 1) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "symbolize wants one recording: alloctrap symbolize FILE.atrap");
    }
    if (c->symbols.sources.asks_debuginfod && (urls == NULL || urls[0] == '\0')) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--debuginfod needs servers to ask: set DEBUGINFOD_URLS, for Debian to "
                       "https://debuginfod.debian.net");
    }
    c->file = argv[optind];
    c->output = c->output != NULL ? c->output : c->file;
    enum err_code code = check_folder("--debug-dir", c->symbols.sources.debug_dir, reterr);
    return code != ERR_NONE ? code : check_folder("--sysroot", c->symbols.sources.sysroot, reterr);
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    enum err_code code = options_each(argc, argv, ":o:h", long_options, take_option, c, reterr);
    return code != ERR_NONE || c->wants_help ? code : check_choices(argc, argv, c, reterr);
}

static enum err_code copy_events(void *context, const struct heap_event *events, size_t count,
                                 struct err *reterr)
{
    return store_trace(context, events, count, reterr);
}

/* The trace is read before the file is replaced: store_save() renames at its end. */
static enum err_code save(const struct choices *c, const struct profile *profile,
                          struct err *reterr)
{
    struct store *store = NULL;
    struct store_trace_size trace;
    enum err_code code = store_trace_size(c->file, &trace, reterr);
    if (code == ERR_NONE) {
        code = store_create(c->output, &store, reterr);
    }
    if (code == ERR_NONE && trace.events > 0) {
        code = store_trace_each(c->file, copy_events, store, reterr);
    }
    if (code == ERR_NONE) {
        code = store_save(store, profile, reterr);
    }
    enum err_code closed = store_close(store, code == ERR_NONE ? reterr : NULL);
    return code != ERR_NONE ? code : closed;
}

/* What libdebuginfod does by itself, unless the user set it otherwise: a line of progress, and an
 * end to waiting for a server that does not answer. */
static void limit_debuginfod(void)
{
    setenv("DEBUGINFOD_TIMEOUT", "20", 0);  /* s without 100 kB more */
    setenv("DEBUGINFOD_MAXTIME", "300", 0); /* s for one file */
    setenv("DEBUGINFOD_RETRY_LIMIT", "0", 0);
    setenv("DEBUGINFOD_PROGRESS", "1", 0);
}

static enum err_code symbolize(struct choices *c, struct err *reterr)
{
    struct profile *profile = NULL;
    struct symbol_notes notes;
    enum err_code code = store_load(c->file, &profile, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    if (c->symbols.sources.asks_debuginfod) {
        limit_debuginfod();
    }
    struct symbolize_view view = {.profile = profile, .before = symbol_count(profile)};
    c->symbols.looks_again = true;
    symbol_resolve(profile, &c->symbols, &notes);
    view.after = symbol_count(profile);
    view.notes = &notes;
    code = save(c, profile, reterr);
    if (code == ERR_NONE) {
        symbolize_print(&view, stdout);
    }
    symbol_notes_finish(&notes);
    profile_destroy(profile);
    return code;
}

enum err_code command_symbolize(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices choices = {.file = NULL};
    enum err_code code = parse(argc, argv, &choices, reterr);
    if (code == ERR_NONE && choices.wants_help) {
        fputs(usage, stdout);
    } else if (code == ERR_NONE) {
        code = symbolize(&choices, reterr);
    }
    if (code == ERR_NONE) {
        *ret_status = 0;
    }
    return code;
}
