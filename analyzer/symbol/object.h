/*
 * object - one executable or library, opened for looking up addresses (elfutils libdw).
 * Addresses are link-time addresses: those in the file's own headers. Separate debug files are
 * found by build-id and debug link under /usr/lib/debug; nothing is asked of the network.
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
    OBJECT_REPLACED, /* another build-id than asked for */
    OBJECT_DAMAGED   /* not an ELF file that libdw can read */
};

/* A function at an address; innermost inlined one first. */
struct object_line {
    const char *linked; /* as linked; NULL = unknown */
    const char *file;   /* NULL = unknown */
    uint32_t line;
    bool is_inlined;
};

/* build_id_len 0 accepts any file. */
enum object_state object_open(const char *path, const uint8_t *build_id, size_t build_id_len,
                              struct object **ret);
void object_close(struct object *object);

/* How many lines there are at address, 0 .. OBJECT_LINES_MAX. Cheapest in order of address. */
size_t object_find(struct object *object, uint64_t address,
                   struct object_line lines[OBJECT_LINES_MAX]);

#endif
