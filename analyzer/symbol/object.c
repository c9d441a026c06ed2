#include "symbol/object.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include "base/mem.h"

enum { TREE_DEPTH_MAX = 64 };

/* A stretch of code of one function (a function split into hot and cold has two). */
struct stretch {
    Dwarf_Addr low;
    Dwarf_Addr high;
    Dwarf_Die function;
};

struct object {
    Dwfl *dwfl;
    Dwfl_Module *module;
    void *unit; /* the compilation unit whose functions are listed; NULL = none yet */
    MEM_ARRAY(struct stretch) stretches; /* of that unit, sorted by low */
    struct mem_strings *strings;         /* file names put together */
};

/* libdwfl keeps the pointer. The folders are its own default. */
static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
};

static bool is_same_build(Dwfl_Module *module, const uint8_t *build_id, size_t len)
{
    const unsigned char *found = NULL;
    GElf_Addr at = 0;
    if (len == 0) {
        return true;
    }
    int found_len = dwfl_module_build_id(module, &found, &at);
    /* Sessions keep 20 bytes of a build-id. */
    return found_len >= (int)len && memcmp(found, build_id, len) == 0;
}

/* A regular file, opened without waiting for what a pipe's other end does. */
static int open_regular(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

static enum object_state report(struct object *object, const char *path, int fd,
                                const uint8_t *build_id, size_t build_id_len)
{
    object->dwfl = dwfl_begin(&callbacks);
    if (object->dwfl == NULL) {
        close(fd);
        return OBJECT_DAMAGED;
    }
    /* At base 0 with the segments' own addresses: the module's bias is 0. */
    object->module = dwfl_report_elf(object->dwfl, path, path, fd, 0, true);
    if (object->module == NULL) {
        close(fd);
        return OBJECT_DAMAGED;
    }
    dwfl_report_end(object->dwfl, NULL, NULL);
    return is_same_build(object->module, build_id, build_id_len) ? OBJECT_FINE : OBJECT_REPLACED;
}

enum object_state object_open(const char *path, const uint8_t *build_id, size_t build_id_len,
                              struct object **ret)
{
    int fd = open_regular(path);
    if (fd < 0) {
        return OBJECT_MISSING;
    }
    /* libdwfl would ask a server for debug files; that is for the user to want. */
    unsetenv("DEBUGINFOD_URLS");
    struct object *object = mem_zero(1, sizeof *object);
    object->strings = mem_strings_create();
    enum object_state state = report(object, path, fd, build_id, build_id_len);
    if (state != OBJECT_FINE) {
        object_close(object);
        return state;
    }
    *ret = object;
    return OBJECT_FINE;
}

void object_close(struct object *object)
{
    if (object == NULL) {
        return;
    }
    if (object->dwfl != NULL) {
        dwfl_end(object->dwfl);
    }
    mem_strings_destroy(object->strings);
    free(object->stretches.at);
    free(object);
}

static void add_function(struct object *object, Dwarf_Die *function)
{
    Dwarf_Addr base = 0;
    Dwarf_Addr low = 0;
    Dwarf_Addr high = 0;
    ptrdiff_t at = 0;
    while ((at = dwarf_ranges(function, at, &base, &low, &high)) > 0) {
        if (low < high) {
            *MEM_PUSH(&object->stretches) = (struct stretch){low, high, *function};
        }
    }
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

static void add_functions(struct object *object, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die child;
    if (depth == TREE_DEPTH_MAX || dwarf_child(parent, &child) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_subprogram) {
            add_function(object, &child);
        }
        if (may_hold_functions(tag)) {
            add_functions(object, &child, depth + 1);
        }
    } while (dwarf_siblingof(&child, &child) == 0);
}

static int by_low(const void *left, const void *right)
{
    const struct stretch *a = left;
    const struct stretch *b = right;
    return (a->low > b->low) - (a->low < b->low);
}

static void list_functions(struct object *object, Dwarf_Die *unit)
{
    if (object->unit == unit->addr) {
        return;
    }
    object->unit = unit->addr;
    object->stretches.count = 0;
    add_functions(object, unit, 0);
    if (object->stretches.count > 1) {
        qsort(object->stretches.at, object->stretches.count, sizeof *object->stretches.at, by_low);
    }
}

/* The last stretch that begins at or before pc, if pc is in it. */
static Dwarf_Die *find_function(struct object *object, Dwarf_Addr pc)
{
    size_t low = 0;
    size_t high = object->stretches.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (object->stretches.at[middle].low <= pc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    struct stretch *found = low > 0 ? &object->stretches.at[low - 1] : NULL;
    return found != NULL && pc < found->high ? &found->function : NULL;
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

static const char *linked_name(Dwarf_Die *function)
{
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute) != NULL ||
        dwarf_attr_integrate(function, DW_AT_MIPS_linkage_name, &attribute) != NULL) {
        return dwarf_formstring(&attribute);
    }
    return dwarf_diename(function);
}

/* File names are often relative to where the compiler ran. */
static const char *whole_name(struct object *object, Dwarf_Die *unit, const char *file)
{
    Dwarf_Attribute attribute;
    const char *folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
    if (file == NULL || file[0] == '/' || folder == NULL) {
        return file;
    }
    char *joined = mem_format("%s/%s", folder, file);
    const char *kept = mem_strings_keep(object->strings, joined);
    free(joined);
    return kept;
}

/* Where an inlined function was called: the place in the function around it. */
static void fill_call_place(struct object *object, Dwarf_Die *unit, Dwarf_Die *inlined,
                            struct object_line *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    Dwarf_Files *files = NULL;
    size_t file_count = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &value) == 0) {
        line->line = (uint32_t)value;
    }
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &value) == 0 &&
        dwarf_getsrcfiles(unit, &files, &file_count) == 0 && value < file_count) {
        line->file = whole_name(object, unit, dwarf_filesrc(files, value, NULL, NULL));
    }
}

static void fill_source(struct object *object, Dwarf_Die *unit, Dwarf_Addr pc,
                        struct object_line *line)
{
    Dwarf_Line *source = dwarf_getsrc_die(unit, pc);
    int number = 0;
    if (source == NULL) {
        return;
    }
    line->file = whole_name(object, unit, dwarf_linesrc(source, NULL, NULL));
    if (dwarf_lineno(source, &number) == 0 && number > 0) {
        line->line = (uint32_t)number;
    }
}

/* scopes: the function, then the inlined calls inwards. Lines are told from the inside out. */
static size_t fill_lines(struct object *object, Dwarf_Die *unit, Dwarf_Addr pc, Dwarf_Die *scopes,
                         size_t count, struct object_line *lines)
{
    for (size_t i = 0; i < count; i++) {
        size_t scope = count - 1 - i;
        lines[i] =
            (struct object_line){.linked = linked_name(&scopes[scope]), .is_inlined = scope > 0};
        if (i == 0) {
            fill_source(object, unit, pc, &lines[0]);
        } else {
            fill_call_place(object, unit, &scopes[scope + 1], &lines[i]);
        }
    }
    return count;
}

static size_t find_in_dwarf(struct object *object, uint64_t address, struct object_line *lines)
{
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = dwfl_module_addrdie(object->module, address, &bias);
    if (unit == NULL) {
        return 0;
    }
    Dwarf_Addr pc = address - bias;
    list_functions(object, unit);
    Dwarf_Die *function = find_function(object, pc);
    if (function == NULL) { /* assembly has lines, and its name in the symbol table */
        lines[0] = (struct object_line){.linked = NULL};
        fill_source(object, unit, pc, &lines[0]);
        return lines[0].file != NULL ? 1 : 0;
    }
    Dwarf_Die scopes[OBJECT_LINES_MAX];
    size_t count = 1;
    scopes[0] = *function;
    while (count < OBJECT_LINES_MAX && find_inlined(&scopes[count - 1], pc, 0, &scopes[count])) {
        count++;
    }
    return fill_lines(object, unit, pc, scopes, count, lines);
}

static bool is_mangled(const char *name)
{
    return strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0;
}

/* The symbol table names code without debug information, and tells more of C++ functions of one
 * file: their debug information has no linked name, so no arguments. */
size_t object_find(struct object *object, uint64_t address,
                   struct object_line lines[OBJECT_LINES_MAX])
{
    size_t count = find_in_dwarf(object, address, lines);
    if (count > 0 && lines[count - 1].linked != NULL && is_mangled(lines[count - 1].linked)) {
        return count;
    }
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char *name =
        dwfl_module_addrinfo(object->module, address, &offset, &symbol, NULL, NULL, NULL);
    if (name == NULL) {
        return count;
    }
    if (count == 0) {
        lines[0] = (struct object_line){.linked = name};
        return 1;
    }
    if (lines[count - 1].linked == NULL || is_mangled(name)) {
        lines[count - 1].linked = name;
    }
    return count;
}
