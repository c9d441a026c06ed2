/*
 * file - opening files of strangers: only a regular one, and never waiting for what the other end
 * of a pipe or a device does.
 * Owner: the caller closes what it is given. Threads: any. Errors: a negative number.
 */
#ifndef ALLOCTRAP_BASE_FILE_H
#define ALLOCTRAP_BASE_FILE_H

#include <sys/stat.h>

enum {
    FILE_UNOPENED = -1, /* errno says why */
    FILE_IRREGULAR = -2 /* a folder, a pipe, a device */
};

/* For reading; flags: more of open(2), as O_NOFOLLOW. *ret_info is set when it was opened. */
int file_open_regular(const char *path, int flags, struct stat *ret_info);

#endif
