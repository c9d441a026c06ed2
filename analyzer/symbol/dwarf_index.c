#include "symbol/dwarf_index.h"

#include <stdlib.h>

#include <dwarf.h>
#include <gelf.h>

#include "base/mem.h"

enum { TREE_DEPTH_MAX = 64 };

/* A stretch of code of one unit or function (a function split into hot and cold has two). */
struct stretch {
    Dwarf_Addr low;
    Dwarf_Addr high;
    Dwarf_Addr reach; /* the highest `high` of this stretch and those before it */
    size_t owner;     /* index of the unit or function */
};

struct stretches {
    MEM_ARRAY(struct stretch) list; /* sorted by low once it is whole */
};

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

static int by_low(const void *left, const void *right)
{
    const struct stretch *a = left;
    const struct stretch *b = right;
    if (a->low != b->low) {
        return (a->low > b->low) - (a->low < b->low);
    }
    /* What stands behind is found first: of two that begin together the narrower. */
    if (a->high != b->high) {
        return (a->high < b->high) - (a->high > b->high);
    }
    /* Units may claim the same code: a linker keeps the first of several copies of an inline
     * function, and lets the debug information of the others point to it. */
    return (a->owner < b->owner) - (a->owner > b->owner);
}

static void sort(struct stretches *stretches)
{
    Dwarf_Addr reach = 0;
    if (stretches->list.count > 1) {
        qsort(stretches->list.at, stretches->list.count, sizeof *stretches->list.at, by_low);
    }
    for (size_t i = 0; i < stretches->list.count; i++) {
        struct stretch *one = &stretches->list.at[i];
        reach = one->high > reach ? one->high : reach;
        one->reach = reach;
    }
}

/* The stretch around pc that begins last; NULL = none. */
static const struct stretch *find(const struct stretches *stretches, Dwarf_Addr pc)
{
    size_t low = 0;
    size_t high = stretches->list.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stretches->list.at[middle].low <= pc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low > 0 && stretches->list.at[low - 1].reach > pc; low--) {
        if (pc < stretches->list.at[low - 1].high) {
            return &stretches->list.at[low - 1];
        }
    }
    return NULL;
}

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
            *MEM_PUSH(&index->segments.list) =
                (struct stretch){.low = segment.p_vaddr, .high = segment.p_vaddr + segment.p_memsz};
        }
    }
    sort(&index->segments);
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
        if (low < high && find(&index->segments, low) != NULL) {
            *MEM_PUSH(&ret->list) = (struct stretch){.low = low, .high = high, .owner = owner};
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
    sort(&unit->stretches);
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
        struct stretch of_unit = unit->stretches.list.at[i];
        of_unit.owner = number;
        *MEM_PUSH(&index->stretches.list) = of_unit;
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
    sort(&index->stretches);
    return index;
}

void dwarf_index_destroy(struct dwarf_index *index)
{
    if (index == NULL) {
        return;
    }
    for (size_t i = 0; i < index->units.count; i++) {
        free(index->units.at[i].stretches.list.at);
        free(index->units.at[i].functions.at);
    }
    free(index->units.at);
    free(index->stretches.list.at);
    free(index->segments.list.at);
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
    const struct stretch *of_unit = find(&index->stretches, pc);
    if (of_unit == NULL) {
        return false;
    }
    struct unit *unit = &index->units.at[of_unit->owner];
    *ret = (struct dwarf_place){.lines = unit->lines,
                                .unit = unit->functions_in,
                                .scopes = scopes,
                                .lacks_split = unit->lacks_split};
    list_functions(index, unit);
    const struct stretch *of_function = find(&unit->stretches, pc);
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
