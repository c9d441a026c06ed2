/*
 * dwarf_index - which function and inlined calls hold an address: sorted stretches of code of all
 * compilation units, and within a unit, once it is asked for, those of its functions. Neither
 * .debug_aranges (clang writes none) nor a walk over all functions for each address is needed.
 * Memory: some 50 bytes for each unit, and for each function of the units that were asked for.
 * The debug information may be hostile: use it in a symbol worker.
 */
#ifndef ALLOCTRAP_SYMBOL_DWARF_INDEX_H
#define ALLOCTRAP_SYMBOL_DWARF_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include <elfutils/libdw.h>

struct dwarf_index;

/* Code outside the executable segments of elf is left out: what a linker has thrown away. */
struct dwarf_index *dwarf_index_create(Dwarf *dwarf, Elf *elf);
void dwarf_index_destroy(struct dwarf_index *index);

struct dwarf_place {
    Dwarf_Die lines;   /* the unit with the line table */
    Dwarf_Die unit;    /* the unit with the functions: another one with split DWARF */
    Dwarf_Die *scopes; /* the caller's room: the function, then the inlined calls inwards */
    size_t count;
    bool lacks_split; /* there are no functions, because the .dwo file is not there */
};

/* False when no unit holds pc. At most `most` scopes, which may be none: assembly has lines only.
 */
bool dwarf_index_find(struct dwarf_index *index, Dwarf_Addr pc, Dwarf_Die *scopes, size_t most,
                      struct dwarf_place *ret);

#endif
