#include "symbol/dwarf_index.h"

#include <stdlib.h>

#include <dwarf.h>
#include <gelf.h>

#include "base/mem.h"
#include "symbol/stretch.h"

enum { TREE_DEPTH_MAX = 64 };

/* Units may claim the same code: a linker keeps the first of several copies of an inline function,
 * and lets the debug information of the others point to it. So units are numbered in their order,
 * and the lowest one is found. A function split into hot and cold has two stretches. */
struct unit {
    Dwarf_Die lines;
    Dwarf_Die functions_in;
    bool lacks_split;
    bool is_listed;
    struct stretches stretches; /* of its functions */
    MEM_ARRAY(Dwarf_Die) functions;
};

struct dwarf_index {
    MEM_ARRAY(struct unit) units;
    struct stretches stretches; /* of the units */
    struct stretches segments;  /* executable code */
};

static void list_segments(struct dwarf_index *index, Elf *elf)
{
    size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf, (int)i, &segment) != NULL && segment.p_type == PT_LOAD &&
            (segment.p_flags & PF_X) != 0 && segment.p_vaddr + segment.p_memsz > segment.p_vaddr) {
            stretches_add(&index->segments, segment.p_vaddr, segment.p_vaddr + segment.p_memsz, i);
        }
    }
    stretches_sort(&index->segments);
}

/* How many stretches of die are code that was kept. */
static size_t add_ranges(const struct dwarf_index *index, Dwarf_Die *die, size_t owner,
                         struct stretches *ret)
{
    size_t added = 0;
    Dwarf_Addr base = 0;
    Dwarf_Addr low = 0;
    Dwarf_Addr high = 0;
    ptrdiff_t at = 0;
    while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
        if (low < high && stretches_find(&index->segments, low) != NULL) {
            stretches_add(ret, low, high, owner);
            added++;
        }
    }
    return added;
}

/* Functions stand in units, name spaces, types (methods) and, nested, in functions. */
static bool may_hold_functions(int tag)
{
    switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
        return true;
    default:
        return false;
    }
}

static void add_functions(const struct dwarf_index *index, struct unit *unit, Dwarf_Die *parent,
                          unsigned depth)
{
    Dwarf_Die child;
    if (depth == TREE_DEPTH_MAX || dwarf_child(parent, &child) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_subprogram &&
            add_ranges(index, &child, unit->functions.count, &unit->stretches) > 0) {
            *MEM_PUSH(&unit->functions) = child;
        }
        if (may_hold_functions(tag)) {
            add_functions(index, unit, &child, depth + 1);
        }
    } while (dwarf_siblingof(&child, &child) == 0);
}

static void list_functions(const struct dwarf_index *index, struct unit *unit)
{
    if (unit->is_listed) {
        return;
    }
    unit->is_listed = true;
    add_functions(index, unit, &unit->functions_in, 0);
    stretches_sort(&unit->stretches);
}

/* Some compilers give a unit no addresses of its own; then its functions have them. */
static void add_unit(struct dwarf_index *index, Dwarf_Die *die, Dwarf_Die *split, uint8_t type)
{
    size_t number = index->units.count;
    struct unit *unit = MEM_PUSH(&index->units);
    bool is_split = split->addr != NULL;
    unit->lines = *die;
    unit->functions_in = is_split ? *split : *die;
    unit->lacks_split = type == DW_UT_skeleton && !is_split;
    if (add_ranges(index, die, number, &index->stretches) > 0) {
        return;
    }
    list_functions(index, unit);
    for (size_t i = 0; i < unit->stretches.list.count; i++) {
        const struct stretch *of_unit = &unit->stretches.list.at[i];
        stretches_add(&index->stretches, of_unit->low, of_unit->high, number);
    }
}

struct dwarf_index *dwarf_index_create(Dwarf *dwarf, Elf *elf)
{
    struct dwarf_index *index = mem_zero(1, sizeof *index);
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    Dwarf_Die split;
    uint8_t type = 0;
    list_segments(index, elf);
    while (dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, &split) == 0) {
        if (type == DW_UT_compile || type == DW_UT_skeleton) {
            add_unit(index, &die, &split, type);
        }
    }
    stretches_sort(&index->stretches);
    return index;
}

void dwarf_index_destroy(struct dwarf_index *index)
{
    if (index == NULL) {
        return;
    }
    for (size_t i = 0; i < index->units.count; i++) {
        stretches_finish(&index->units.at[i].stretches);
        free(index->units.at[i].functions.at);
    }
    free(index->units.at);
    stretches_finish(&index->stretches);
    stretches_finish(&index->segments);
    free(index);
}

/* Steps into the inlined call below scope that holds pc; blocks between are walked through. */
static bool find_inlined(Dwarf_Die *scope, Dwarf_Addr pc, unsigned depth, Dwarf_Die *ret)
{
    Dwarf_Die child;
    if (depth == TREE_DEPTH_MAX || dwarf_child(scope, &child) != 0) {
        return false;
    }
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_inlined_subroutine && dwarf_haspc(&child, pc) > 0) {
            *ret = child;
            return true;
        }
        /* A block without addresses of its own holds what its children do. */
        if (tag == DW_TAG_lexical_block && dwarf_haspc(&child, pc) != 0 &&
            find_inlined(&child, pc, depth + 1, ret)) {
            return true;
        }
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

bool dwarf_index_find(struct dwarf_index *index, Dwarf_Addr pc, Dwarf_Die *scopes, size_t most,
                      struct dwarf_place *ret)
{
    const struct stretch *of_unit = stretches_find(&index->stretches, pc);
    if (of_unit == NULL) {
        return false;
    }
    struct unit *unit = &index->units.at[of_unit->owner];
    *ret = (struct dwarf_place){.lines = unit->lines,
                                .unit = unit->functions_in,
                                .scopes = scopes,
                                .lacks_split = unit->lacks_split};
    list_functions(index, unit);
    const struct stretch *of_function = stretches_find(&unit->stretches, pc);
    if (of_function == NULL || most == 0) {
        return true;
    }
    scopes[0] = unit->functions.at[of_function->owner];
    ret->count = 1;
    while (ret->count < most && find_inlined(&scopes[ret->count - 1], pc, 0, &scopes[ret->count])) {
        ret->count++;
    }
    return true;
}
