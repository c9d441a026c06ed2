#include "base/err.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"

static enum err_code fill(struct err *reterr, enum err_code code, const char *path, int64_t offset,
                          const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static enum err_code fill(struct err *reterr, enum err_code code, const char *path, int64_t offset,
                          const char *format, va_list args)
{
    if (reterr == NULL) {
        return code;
    }
    reterr->code = code;
    reterr->offset = offset;
    snprintf(reterr->path, sizeof reterr->path, "%s", path != NULL ? path : "");
    vsnprintf(reterr->message, sizeof reterr->message, format, args);
    return code;
}

enum err_code err_set(struct err *reterr, enum err_code code, const char *path, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    enum err_code result = fill(reterr, code, path, ERR_PLACE_NONE, format, args);
    va_end(args);
    return result;
}

enum err_code err_at(struct err *reterr, enum err_code code, const char *path, int64_t offset,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum err_code result = fill(reterr, code, path, offset, format, args);
    va_end(args);
    return result;
}

int err_exit_status(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return 0;
    case ERR_USAGE:
        return 2;
    case ERR_MISSING:
    case ERR_FORMAT:
    case ERR_SYSTEM:
        break;
    }
    return 3;
}

void err_format(const struct err *err, char *out, size_t out_bytes)
{
    char place[32] = "";
    if (err->offset >= 0) {
        snprintf(place, sizeof place, "at byte %" PRId64 ": ", err->offset);
    }
    /* Here, where all errors pass: a name of a file, or what SQLite says of a damaged one, may hold
     * a terminal's sequences. What was escaped before stays as it is. */
    char *path = escape_terminal(err->path);
    char *message = escape_terminal(err->message);
    snprintf(out, out_bytes, "%s%s%s%s", path, path[0] != '\0' ? ": " : "", place, message);
    free(path);
    free(message);
}
