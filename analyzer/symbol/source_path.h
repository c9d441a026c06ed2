/*
 * source_path - names of source files: as debug information tells them, and where such a file is
 * on this machine, when the program was built elsewhere.
 * Not for: opening anything; no name is looked at on the disk here.
 * Owner:   struct source_places is the caller's; its texts are borrowed, the list is not.
 * Threads: any. Memory: results are new strings, free() them.
 */
#ifndef ALLOCTRAP_SYMBOL_SOURCE_PATH_H
#define ALLOCTRAP_SYMBOL_SOURCE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Files below `from` where the program was built are below `to` here. */
struct source_map {
    char *from; /* tidy */
    const char *to;
};

/* Where to look. All zero: where the debug information says. */
struct source_places {
    const char *sysroot; /* the recorded machine's root; NULL = / */
    struct source_map *maps;
    size_t map_count;
};

/* path without "//", "/./" and "dir/..": one name for one file, as long as no symbolic link is
 * among the folders that are left out. */
char *source_path_tidy(const char *path);

/* Adds "FROM=TO", divided at the first '='; false when it is not of that form. */
bool source_places_map(struct source_places *places, const char *text);
void source_places_finish(struct source_places *places);

/* Where a tidy path is here: by the first map that holds it, else below the sysroot. */
char *source_places_find(const struct source_places *places, const char *path);

/* Is `path` the file that a person calls `name`: all of it, or its last parts? Both tidy. */
bool source_path_is(const char *path, const char *name);

#endif
