/*
 * symbol - names for addresses: frame -> function, file, line, inlined chain (libdw, libiberty).
 */
#ifndef ALLOCTRAP_SYMBOL_SYMBOL_H
#define ALLOCTRAP_SYMBOL_SYMBOL_H

#include "heap/profile.h"

/* Called now and then with how far it is; may be NULL. */
typedef void (*symbol_progress)(void *context, uint64_t done, uint64_t total);

/*
 * Resolves every frame that has no symbols yet. A module that is missing, replaced (another
 * build-id) or damaged costs names, never an error: such frames get the ELF symbol if there is one,
 * else "module+0x1234". Return addresses are looked up at address - 1, EXACT_PC ones as they are.
 */
void symbol_resolve(struct profile *profile, symbol_progress progress, void *context);

/* Modules whose functions could not be named; only those on disk count. */
struct symbol_notes {
    size_t missing;
    size_t replaced;   /* another build-id than the one that ran */
    size_t damaged;    /* unreadable, or reading it took the worker down */
    const char *first; /* path of the first of them, "" = none; the profile's */
};

/* The same, and says what was not found: for one line on standard error. */
void symbol_resolve_noting(struct profile *profile, symbol_progress progress, void *context,
                           struct symbol_notes *ret);

#endif
