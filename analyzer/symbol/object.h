/*
 * object - one executable or library, opened for looking up addresses (elfutils libdw).
 * Addresses are link-time addresses: those in the file's own headers. Separate debug files are
 * found by build-id and debug link under /usr/lib/debug and where object_sources says; nothing is
 * asked of the network unless it says so.
 * The file may be hostile: use it in a symbol worker. Texts live as long as the object.
 */
#ifndef ALLOCTRAP_SYMBOL_OBJECT_H
#define ALLOCTRAP_SYMBOL_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OBJECT_LINES_MAX = 64 }; /* inlined calls within each other; deeper ones are left out */

struct object;

enum object_state {
    OBJECT_FINE,
    OBJECT_MISSING,  /* no such file, or not a regular one */
    OBJECT_REPLACED, /* another build than asked for */
    OBJECT_DAMAGED   /* not an ELF file that libdw can read */
};

/* Where distributions put debug files. */
extern const char object_debug_root[];

/* Where else to look. All NULL and false: this machine's files and /usr/lib/debug. */
struct object_sources {
    const char *sysroot;   /* the root of the machine that was recorded; NULL = / */
    const char *debug_dir; /* as /usr/lib/debug, and before it; NULL = none */
    bool asks_debuginfod;  /* the servers of DEBUGINFOD_URLS */
};

/* Which build of which file. */
struct object_wish {
    const char *path; /* as the process had it */
    const uint8_t *build_id;
    size_t build_id_len;   /* 0 = the file had none */
    uint64_t unchanged_ns; /* without a build-id: since 1970; a file changed later is another build,
                              and so is one with a build-id. 0 = any file will do */
    struct object_sources sources;
};

/* A function at an address; innermost inlined one first. */
struct object_line {
    const char *linked; /* as linked; NULL = unknown */
    const char *file;   /* NULL = unknown */
    uint32_t line;
    bool is_inlined;
};

struct object_answer {
    struct object_line lines[OBJECT_LINES_MAX];
    size_t count;
    bool is_whole;    /* from debug information that lacks nothing: no other file knows better */
    bool lacks_split; /* its debug information is in a .dwo file that is not there */
};

enum object_state object_open(const struct object_wish *wish, struct object **ret);
void object_close(struct object *object);

/* What stands at address; count 0 = nothing known. Cheapest in order of address. */
void object_find(struct object *object, uint64_t address, struct object_answer *ret);

#endif
