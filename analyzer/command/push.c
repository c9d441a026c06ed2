/*
 * push - `alloctrap push`: hands over to alloctrap-push, which stands beside this program.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "command/command.h"

enum err_code command_push(int argc, char **argv, int *ret_status, struct err *reterr)
{
    char here[PATH_MAX] = "";
    (void)argc;
    (void)ret_status;
    ssize_t length = readlink("/proc/self/exe", here, sizeof here - 1);
    char *slash = length > 0 ? strrchr(here, '/') : NULL;
    if (slash != NULL) {
        *slash = '\0';
    }
    char *path = mem_format("%s/alloctrap-push", here);
    execv(path, argv);
    enum err_code code = err_set(reterr, ERR_MISSING, path,
                                 "%s; alloctrap push needs it: build alloctrap with "
                                 "libcurl4-openssl-dev installed",
                                 strerror(errno));
    free(path);
    return code;
}
