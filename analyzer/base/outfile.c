#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { APPLICATION_AT = 68, HEAD_BYTES = 72 };

/* SQLite's name, and our application id in its header. */
static bool is_recording(const char *path)
{
    char head[HEAD_BYTES] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t got = fd < 0 ? -1 : read(fd, head, sizeof head);
    if (fd >= 0) {
        close(fd);
    }
    return got == HEAD_BYTES && memcmp(head, "SQLite format 3", 16) == 0 &&
           memcmp(head + APPLICATION_AT, "ATRP", 4) == 0;
}

static enum err_code open_new(const char *path, struct outfile *file, struct err *reterr)
{
    file->temporary = mem_format("%s.tmp-XXXXXX", path);
    int fd = mkostemp(file->temporary, O_CLOEXEC);
    if (fd < 0) {
        return err_set(reterr, ERR_SYSTEM, path, "cannot be written: %s", strerror(errno));
    }
    mode_t mask = umask(0);
    umask(mask);
    (void)!fchmod(fd, 0666 & ~mask); /* as any new file */
    file->stream = fdopen(fd, "w");
    if (file->stream == NULL) {
        close(fd);
        unlink(file->temporary);
        return err_set(reterr, ERR_SYSTEM, path, "cannot be written: %s", strerror(errno));
    }
    return ERR_NONE;
}

static enum err_code open_any(const char *path, struct outfile *file, struct err *reterr)
{
    struct stat info;
    bool is_there = stat(path, &info) == 0;
    if (is_there && S_ISREG(info.st_mode) && is_recording(path)) {
        return err_set(reterr, ERR_USAGE, path, "is a recording; choose another name with -o");
    }
    if (!is_there || S_ISREG(info.st_mode)) {
        return open_new(path, file, reterr);
    }
    file->stream = S_ISDIR(info.st_mode) ? NULL : fopen(path, "we");
    if (file->stream == NULL) {
        return err_set(reterr, ERR_SYSTEM, path, "cannot be written: %s",
                       strerror(S_ISDIR(info.st_mode) ? EISDIR : errno));
    }
    return ERR_NONE;
}

enum err_code outfile_open(const char *path, struct outfile *ret, struct err *reterr)
{
    struct outfile file = {.path = mem_text(path)};
    if (strcmp(path, "-") == 0) {
        file.stream = stdout;
        *ret = file;
        return ERR_NONE;
    }
    enum err_code code = open_any(path, &file, reterr);
    if (code != ERR_NONE) {
        free(file.temporary);
        free(file.path);
        return code;
    }
    *ret = file;
    return ERR_NONE;
}

enum err_code outfile_close(struct outfile *file, enum err_code code, struct err *reterr)
{
    bool is_stdout = file->stream == stdout;
    int result = ferror(file->stream);
    errno = result != 0 && errno == 0 ? EIO : errno;
    result |= is_stdout ? fflush(file->stream) : fclose(file->stream);
    if (result == 0 && code == ERR_NONE && file->temporary != NULL) {
        result = rename(file->temporary, file->path);
    }
    if (result != 0 && code == ERR_NONE && !(is_stdout && errno == EPIPE)) {
        code = err_set(reterr, ERR_SYSTEM, is_stdout ? "standard output" : file->path,
                       "cannot be written: %s", strerror(errno));
    }
    if (code != ERR_NONE && file->temporary != NULL) {
        unlink(file->temporary);
    }
    free(file->temporary);
    free(file->path);
    *file = (struct outfile){0};
    return code;
}
