#include "command/command.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/options.h"
#include "live/live_recover.h"

static const struct option options_known[] = {
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

struct choices {
    const char *output;
    bool wants_help;
};

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    (void)reterr;
    if (option == 'o') {
        c->output = optarg;
    } else {
        c->wants_help = true;
    }
    return ERR_NONE;
}

static void print_help(void)
{
    puts("usage: alloctrap recover SESSION -o FILE\n\n"
         "Makes a recording of a session directory (NAME.atrap.session) whose recorder was\n"
         "killed. Counts, bytes and times are exact. The directory stays as it is.\n\n"
         "  -o, --output=FILE  the recording to write\n"
         "  -h, --help         this text\n\n"
         "example:\n"
         "  alloctrap recover run.atrap.session -o run.atrap");
}

enum err_code command_recover(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices c = {0};
    enum err_code code = options_each(argc, argv, ":o:h", options_known, take_option, &c, reterr);
    *ret_status = 0;
    if (code != ERR_NONE) {
        return code;
    }
    if (c.wants_help) {
        print_help();
        return ERR_NONE;
    }
    if (argc - optind > 1) {
        return err_set(reterr, ERR_USAGE, argv[optind + 1], "recover takes one session directory");
    }
    if (optind == argc || c.output == NULL) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "say which session and where to: alloctrap recover NAME.atrap.session -o "
                       "FILE");
    }
    return live_recover(argv[optind], c.output, reterr);
}
