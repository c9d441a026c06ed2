/*
 * live_why - why nothing was recorded of a program, and what to do about it, in one sentence.
 * Owner: none.   Threads: any.
 */
#ifndef ALLOCTRAP_LIVE_WHY_H
#define ALLOCTRAP_LIVE_WHY_H

#include "live/live_elf.h"

enum live_why {
    LIVE_WHY_UNKNOWN,
    LIVE_WHY_OTHER_MACHINE,
    LIVE_WHY_SANITIZED,
    LIVE_WHY_STATIC,
    LIVE_WHY_MUSL,
    LIVE_WHY_PRIVILEGED,
    LIVE_WHY_OWN_MALLOC
};

enum live_why live_why_of(const struct live_elf *elf);

/* "it is statically linked: ...; link it dynamically ..." for the program that `path` names. */
const char *live_why_text(enum live_why why);

#endif
