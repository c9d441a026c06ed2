/*
 * live_recover - a recording from a session directory that no recorder finished: its recorder was
 * killed, or it and its hosts. The directory is looked at, not changed; it may come from anywhere.
 * Owner: the command `recover`.   Threads: one.
 */
#ifndef ALLOCTRAP_LIVE_RECOVER_H
#define ALLOCTRAP_LIVE_RECOVER_H

#include "base/err.h"

ERR_CHECKED enum err_code live_recover(const char *session_dir, const char *output,
                                       struct err *reterr);

#endif
