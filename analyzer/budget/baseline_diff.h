/*
 * baseline_diff - the difference between a baseline file and what it would be now, as a patch that
 * `git apply` or `patch -p1` takes. diff(1) makes it.
 */
#ifndef ALLOCTRAP_BUDGET_BASELINE_DIFF_H
#define ALLOCTRAP_BUDGET_BASELINE_DIFF_H

#include "base/err.h"

/* A unified diff from the file at path (missing: from nothing) to text; "" when they are equal.
 * free(*ret_patch). */
ERR_CHECKED enum err_code baseline_diff(const char *path, const char *text, char **ret_patch,
                                        struct err *reterr);

#endif
