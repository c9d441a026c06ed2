/*
 * hook_dl - libraries that come and go: notes the modules of frames, and the epochs of dlclose.
 * Owner:   the process's session.   Threads: any, without a lock.
 * Memory:  the session's module table.   Errno: never touched by notes.
 * Only dlclose is interposed: what dlopen finds depends on its caller, which would then be us.
 */
#ifndef ALLOCTRAP_HOOK_DL_H
#define ALLOCTRAP_HOOK_DL_H

#include "alloctrap/session.h"

/* COLD. A session begins; no other thread notes modules yet. */
void hook_dl_start(void);
/* COLD. Enters the module that holds addr, if it is not there; code of no module has none. The
 * epoch in which this module was first seen at this place: that names the frame, so that a library
 * which comes back to its address takes no more room. Without a module, the present epoch. */
uint32_t hook_dl_note(struct session_head *head, uint64_t addr, uint32_t epoch);
/* COLD. The real dlclose; a new epoch when something was unmapped. The host's own errno. */
int hook_dl_close(void *handle);

/* PURE. Copies the build-id of a mapped object, bounded by its map; its length, 0 without one. */
uint8_t hook_dl_build_id(const void *map_start, const void *map_end, uint64_t bias,
                         uint8_t ret_id[SESSION_BUILD_ID_BYTES]);

#endif
