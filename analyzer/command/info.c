/*
 * info - `alloctrap info FILE`: what a recording is.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/options.h"
#include "command/command.h"
#include "store/store.h"
#include "view/info.h"

static const char usage[] =
    "usage: alloctrap info FILE\n\n"
    "Says what a recording is: the command, when and where it ran, how it ended, whether\n"
    "anything was lost, and how much the file holds.\n\n"
    "  -h, --help  this text\n";

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static enum err_code print_info(const char *path, struct err *reterr)
{
    struct profile *profile = NULL;
    struct stat file;
    struct info info = {.path = path};
    enum err_code code = store_load(path, &profile, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    info.profile = profile;
    info.file_bytes = stat(path, &file) == 0 ? (uint64_t)file.st_size : 0;
    code = store_trace_size(path, &info.trace, reterr);
    if (code == ERR_NONE) {
        info_print(&info, stdout);
    }
    profile_destroy(profile);
    return code;
}

static enum err_code take_help(int option, void *choices, struct err *reterr)
{
    bool *wants_help = choices;
    (void)reterr;
    *wants_help = option == 'h';
    return ERR_NONE;
}

enum err_code command_info(int argc, char **argv, int *ret_status, struct err *reterr)
{
    bool wants_help = false;
    enum err_code code =
        options_each(argc, argv, ":h", long_options, take_help, &wants_help, reterr);
    *ret_status = 0;
    if (code != ERR_NONE) {
        return code;
    }
    if (wants_help) {
        fputs(usage, stdout);
        return ERR_NONE;
    }
    if (argc - optind != 1) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "info wants one recording: alloctrap info FILE.atrap");
    }
    return print_info(argv[optind], reterr);
}
