/*
 * live_find - which session directory is meant: by its path, or by the pid of a process that is
 * being recorded.
 */
#ifndef ALLOCTRAP_LIVE_FIND_H
#define ALLOCTRAP_LIVE_FIND_H

#include "base/err.h"

/* what: a directory or a pid; NULL: the only NAME.atrap.session in the current folder. *ret_dir is
 * the caller's to free(). */
ERR_CHECKED enum err_code live_find(const char *what, char **ret_dir, struct err *reterr);

#endif
