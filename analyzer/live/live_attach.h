/*
 * live_attach - the recorder that a plain LD_PRELOAD starts: same loop, no launcher.
 * Owner: the command `attach`.   Threads: the main one, and live_beat's.
 */
#ifndef ALLOCTRAP_LIVE_ATTACH_H
#define ALLOCTRAP_LIVE_ATTACH_H

#include <stdint.h>

#include "base/err.h"

/* Records all processes of the session directory until the last of them has ended. pid: the first
 * one, which may not have made its session yet. */
ERR_CHECKED enum err_code live_attach(const char *session_dir, uint32_t pid, const char *output,
                                      struct err *reterr);

#endif
