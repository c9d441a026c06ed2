/*
 * err - an error as a value: what went wrong, where, and what to do about it.
 * Functions that can fail return enum err_code and fill a struct err; only main.c prints one.
 */
#ifndef ALLOCTRAP_BASE_ERR_H
#define ALLOCTRAP_BASE_ERR_H

#include <stddef.h>
#include <stdint.h>

enum err_code {
    ERR_NONE = 0,
    ERR_USAGE,   /* the command line: exit 2 */
    ERR_MISSING, /* a file that is not there or cannot be opened: exit 3 */
    ERR_FORMAT,  /* a file that is not ours, newer, cut or damaged: exit 3 */
    ERR_SYSTEM   /* a system call failed: exit 3 */
};

enum { ERR_PLACE_NONE = -1 };

struct err {
    enum err_code code;
    int64_t offset;     /* byte offset in path, or ERR_PLACE_NONE */
    char path[512];     /* the file it is about; "" = none */
    char message[1024]; /* one line, no newline: what, and what to do */
};

/* Fills *reterr (may be NULL) and returns code, so that callers can `return err_set(...)`.
 * path may be NULL. The message is cut, never overrun. Thread-safe. */
__attribute__((format(printf, 4, 5))) enum err_code
err_set(struct err *reterr, enum err_code code, const char *path, const char *format, ...);

/* The same, at a byte offset of path. */
__attribute__((format(printf, 5, 6))) enum err_code err_at(struct err *reterr, enum err_code code,
                                                           const char *path, int64_t offset,
                                                           const char *format, ...);

/* The exit status of a command that ended with code: 0, 2 or 3. */
int err_exit_status(enum err_code code);

/* "PATH: at byte N: MESSAGE" into out, always NUL-terminated, escaped for a terminal: one line. */
void err_format(const struct err *err, char *out, size_t out_bytes);

#define ERR_CHECKED __attribute__((warn_unused_result))

#endif
