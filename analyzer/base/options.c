#include "base/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"

/* After getopt_long() gave '?' or ':'. */
static enum err_code refuse(char **argv, int option, struct err *reterr)
{
    char *given = escape_terminal(argv[optind - 1]);
    enum err_code code =
        err_set(reterr, ERR_USAGE, NULL,
                option == ':' ? "option '%s' needs a value; `alloctrap %s --help` shows them"
                              : "no option '%s'; `alloctrap %s --help` lists them",
                given, argv[0]);
    free(given);
    return code;
}

enum err_code options_each(int argc, char **argv, const char *shorts, const struct option *longs,
                           options_take *take, void *choices, struct err *reterr)
{
    enum err_code code = ERR_NONE;
    opterr = 0;
    optind = 0; /* glibc: start anew, whatever was scanned before */
    for (int option;
         code == ERR_NONE && (option = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (option == '?' || option == ':') {
            code = refuse(argv, option, reterr);
        } else if (option != 0) {
            code = take(option, choices, reterr);
        }
    }
    return code;
}

enum err_code options_number(const char *name, const char *text, uint64_t max, uint64_t *ret,
                             struct err *reterr)
{
    char *end = NULL;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || value > max) {
        char *shown = escape_terminal(text);
        enum err_code code =
            err_set(reterr, ERR_USAGE, NULL,
                    "%s wants a whole number from 0 to %" PRIu64 ", not '%s'", name, max, shown);
        free(shown);
        return code;
    }
    *ret = value;
    return ERR_NONE;
}

enum err_code options_units(const char *text, uint64_t *ret_units, const char **ret_name,
                            struct err *reterr)
{
    const char *colon = strchr(text, ':');
    char *number = mem_format("%.*s", (int)strcspn(text, ":"), text);
    enum err_code code = options_number("--units", number, INT64_MAX, ret_units, reterr);
    free(number);
    if (code == ERR_NONE && (*ret_units == 0 || (colon != NULL && colon[1] == '\0'))) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--units wants how many and of what, as in --units 1000:line");
    }
    *ret_name = colon != NULL ? colon + 1 : NULL;
    return code;
}
