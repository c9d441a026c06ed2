/*
 * live_library - the shim to preload: found beside this program, never by the environment.
 * Owner: none.   Threads: any.
 */
#ifndef ALLOCTRAP_LIVE_LIBRARY_H
#define ALLOCTRAP_LIVE_LIBRARY_H

#include "base/err.h"
#include "live/live_elf.h"

/* The whole LD_PRELOAD for a program: ours first, then what was there. free() it. The variant
 * follows the allocator that the program, or its LD_PRELOAD, brings. */
ERR_CHECKED enum err_code live_library_preload(const struct live_elf *program, char **ret,
                                               struct err *reterr);

#endif
