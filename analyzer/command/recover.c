#include "command/command.h"

#include <stdio.h>

#include "base/options.h"
#include "live/live_recover.h"

static const struct option options_known[] = {
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

enum err_code command_recover(int argc, char **argv, int *ret_status, struct err *reterr)
{
    const char *output = NULL;
    const char *session = NULL;
    options_start();
    for (int option; (option = getopt_long(argc, argv, "-:o:h", options_known, NULL)) != -1;) {
        if (option == 'h') {
            puts(
                "usage: alloctrap recover SESSION -o FILE\n\n"
                "Makes a recording of a session directory (NAME.atrap.session) whose recorder was\n"
                "killed. Counts, bytes and times are exact. The directory stays as it is.\n\n"
                "  -o, --output=FILE  the recording to write\n"
                "  -h, --help         this text\n\n"
                "example:\n"
                "  alloctrap recover run.atrap.session -o run.atrap");
            return ERR_NONE;
        }
        if (option == 1 && session == NULL) {
            session = optarg;
        } else if (option == 'o') {
            output = optarg;
        } else if (option == 1) {
            return err_set(reterr, ERR_USAGE, optarg, "recover takes one session directory");
        } else {
            return options_refuse(argv, option, reterr);
        }
    }
    session = session == NULL && optind < argc ? argv[optind] : session;
    if (session == NULL || output == NULL) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "say which session and where to: alloctrap recover NAME.atrap.session -o "
                       "FILE");
    }
    *ret_status = 0;
    return live_recover(session, output, reterr);
}
