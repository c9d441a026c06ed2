#include "command/command.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/options.h"
#include "live/live_attach.h"

enum { OPTION_SESSION = 256, OPTION_PID };

static const struct option options_known[] = {
    {"session", required_argument, NULL, OPTION_SESSION},
    {"pid", required_argument, NULL, OPTION_PID},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

struct attach_options {
    const char *session;
    const char *output;
    uint64_t pid;
    bool wants_help;
};

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct attach_options *options = choices;
    switch (option) {
    case OPTION_SESSION:
        options->session = optarg;
        return ERR_NONE;
    case OPTION_PID:
        return options_number("--pid", optarg, INT32_MAX, &options->pid, reterr);
    case 'o':
        options->output = optarg;
        return ERR_NONE;
    default:
        options->wants_help = true;
        return ERR_NONE;
    }
}

enum err_code command_attach(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct attach_options options = {0};
    enum err_code code =
        options_each(argc, argv, "+:o:h", options_known, take_option, &options, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    if (options.wants_help) {
        puts("usage: alloctrap attach --session=DIR --pid=PID -o FILE\n\n"
             "What liballoctrap.so starts when it is preloaded without `alloctrap record`.");
        return ERR_NONE;
    }
    if (options.session == NULL || options.output == NULL || options.pid == 0 || optind != argc) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "attach wants --session=DIR --pid=PID -o FILE; it is started by "
                       "liballoctrap.so, you want: alloctrap record -- CMD");
    }
    *ret_status = 0;
    return live_attach(options.session, (uint32_t)options.pid, options.output, reterr);
}
