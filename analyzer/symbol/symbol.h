/*
 * symbol - names for addresses: frame -> function, file, line, inlined chain (libdw, libiberty).
 */
#ifndef ALLOCTRAP_SYMBOL_SYMBOL_H
#define ALLOCTRAP_SYMBOL_SYMBOL_H

#include "heap/profile.h"
#include "symbol/object.h"

/* Called now and then with how far it is; may be NULL. */
typedef void (*symbol_progress)(void *context, uint64_t done, uint64_t total);

struct symbol_options {
    struct object_sources sources;
    bool avoids_cache;
    bool looks_again; /* also at frames that were named without a source line */
    symbol_progress progress;
    void *context;
};

/* A file whose functions could not be named, or not as well as they might. */
struct symbol_trouble {
    uint32_t module;
    enum object_state state;
    size_t lacks_split; /* addresses whose .dwo file is not there */
};

/* All zero is empty. */
struct symbol_notes {
    MEM_ARRAY(struct symbol_trouble) troubles;
    size_t asked; /* addresses looked up */
    size_t from_cache;
};

/*
 * Resolves every frame that has no symbols yet. A module that is missing, replaced (another
 * build) or damaged costs names, never an error: such frames get the ELF symbol if there is one,
 * else "module+0x1234". Return addresses are looked up at address - 1, EXACT_PC ones as they are.
 * With looks_again, names are only ever replaced by better ones.
 */
void symbol_resolve(struct profile *profile, const struct symbol_options *options,
                    struct symbol_notes *ret);
void symbol_notes_finish(struct symbol_notes *notes);

/* The file at fault and what that means: "PATH is another build than the one that ran ..."; raw,
 * free() it. */
char *symbol_trouble_text(const struct profile *profile, const struct symbol_trouble *trouble);

/* How many frames have a function's name, and how many of them a source line. */
struct symbol_counts {
    size_t frames;
    size_t named;
    size_t with_line;
};
struct symbol_counts symbol_count(const struct profile *profile);

#endif
