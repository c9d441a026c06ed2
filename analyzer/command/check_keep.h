/*
 * check_keep - what `alloctrap check --keep` leaves beside the recordings of a run that failed: the
 * verdict as JSON, and the recording as an HTML page that shows it.
 */
#ifndef ALLOCTRAP_COMMAND_CHECK_KEEP_H
#define ALLOCTRAP_COMMAND_CHECK_KEEP_H

#include "base/err.h"
#include "view/check.h"

/* Writes check.json and check.html into the folder. *ret_page: the page's path, free() it; NULL in
 * a build of alloctrap without pages. */
ERR_CHECKED enum err_code check_keep(const struct check_view *view, const char *folder,
                                     char **ret_page, struct err *reterr);

#endif
