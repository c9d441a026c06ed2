#include "base/err.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

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
    const char *colon = err->path[0] != '\0' ? ": " : "";
    if (err->offset >= 0) {
        snprintf(out, out_bytes, "%s%sat byte %" PRId64 ": %s", err->path, colon, err->offset,
                 err->message);
    } else {
        snprintf(out, out_bytes, "%s%s%s", err->path, colon, err->message);
    }
}
