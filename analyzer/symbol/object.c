#include "symbol/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include "base/file.h"
#include "base/mem.h"
#include "symbol/debug_places.h"
#include "symbol/dwarf_index.h"
#include "symbol/symbol_table.h"

const char object_debug_root[] = "/usr/lib/debug";

struct object {
    Dwfl *dwfl;
    Dwfl_Module *module;
    Dwfl_Callbacks callbacks; /* libdwfl keeps pointers to both */
    char *debug_path;
    struct object_sources sources;
    bool has_asked;            /* for the file's debug file */
    struct dwarf_index *index; /* NULL = no debug information */
    struct symbol_table *names;
    Dwarf_Addr dwarf_bias;
    GElf_Addr elf_bias;          /* where libdwfl put the module, less its link-time addresses */
    struct mem_strings *strings; /* file names put together */
};

/* Sessions keep 20 bytes of a build-id. */
static bool has_build_id(Dwfl_Module *module, const uint8_t *build_id, size_t len)
{
    const unsigned char *found = NULL;
    GElf_Addr at = 0;
    int found_len = dwfl_module_build_id(module, &found, &at);
    return found_len >= (int)len && memcmp(found, build_id, len) == 0;
}

/* Without a build-id all we can tell is that the file was not touched since it ran. */
static bool is_untouched(Dwfl_Module *module, const struct stat *info, uint64_t since_ns)
{
    enum { NS_PER_S = 1000000000 };
    const unsigned char *found = NULL;
    GElf_Addr at = 0;
    if (since_ns == 0) {
        return true;
    }
    return dwfl_module_build_id(module, &found, &at) <= 0 &&
           (uint64_t)info->st_ctim.tv_sec * NS_PER_S + (uint64_t)info->st_ctim.tv_nsec <= since_ns;
}

/* At base 0 with the segments' own addresses: the module's bias is 0. */
static enum object_state report_file(struct object *object, const struct object_wish *wish,
                                     const char *path)
{
    struct stat info;
    int fd = file_open_regular(path, 0, &info);
    if (fd < 0) {
        return OBJECT_MISSING;
    }
    dwfl_report_begin(object->dwfl);
    object->module = dwfl_report_elf(object->dwfl, path, path, fd, 0, true);
    if (object->module == NULL) {
        close(fd);
        return OBJECT_DAMAGED;
    }
    dwfl_report_end(object->dwfl, NULL, NULL);
    bool is_it = wish->build_id_len > 0
                     ? has_build_id(object->module, wish->build_id, wish->build_id_len)
                     : is_untouched(object->module, &info, wish->unchanged_ns);
    return is_it ? OBJECT_FINE : OBJECT_REPLACED;
}

/* A debug file has all but the code itself, so it can stand in for its executable. */
static enum object_state report_debug_file(struct object *object, const struct object_wish *wish,
                                           const char *folder)
{
    enum { BUILD_ID_MAX = 64 };
    char hex[2 * BUILD_ID_MAX + 1] = "";
    if (folder == NULL || wish->build_id_len < 2 || wish->build_id_len > BUILD_ID_MAX) {
        return OBJECT_MISSING;
    }
    for (size_t i = 0; i < wish->build_id_len; i++) {
        snprintf(hex + 2 * i, 3, "%02x", wish->build_id[i]);
    }
    char *path = mem_format("%s/.build-id/%.2s/%s.debug", folder, hex, hex + 2);
    enum object_state state = report_file(object, wish, path);
    free(path);
    return state;
}

/* With only its build-id, libdwfl asks the servers for the executable. */
static enum object_state report_by_server(struct object *object, const struct object_wish *wish)
{
    static const GElf_Addr anywhere = (GElf_Addr)1 << 47;
    Dwarf_Addr bias = 0;
    if (!wish->sources.asks_debuginfod || wish->build_id_len == 0) {
        return OBJECT_MISSING;
    }
    dwfl_report_begin(object->dwfl);
    object->module = dwfl_report_module(object->dwfl, wish->path, 0, anywhere);
    if (object->module == NULL ||
        dwfl_module_report_build_id(object->module, wish->build_id, wish->build_id_len, 0) != 0) {
        return OBJECT_MISSING;
    }
    dwfl_report_end(object->dwfl, NULL, NULL);
    return dwfl_module_getelf(object->module, &bias) != NULL ? OBJECT_FINE : OBJECT_MISSING;
}

/* The file as it was named, else its debug file, else what a server has. */
static enum object_state report(struct object *object, const struct object_wish *wish)
{
    const char *root = wish->sources.sysroot != NULL ? wish->sources.sysroot : "";
    char *path = mem_format("%s%s", root, wish->path);
    char *debug_of_root = mem_format("%s%s", root, object_debug_root);
    enum object_state as_named = report_file(object, wish, path);
    enum object_state state = as_named;
    if (state != OBJECT_FINE) {
        state = report_debug_file(object, wish, wish->sources.debug_dir);
    }
    if (state != OBJECT_FINE) {
        state = report_debug_file(object, wish, debug_of_root);
    }
    if (state != OBJECT_FINE) {
        state = report_by_server(object, wish);
    }
    free(debug_of_root);
    free(path);
    return state == OBJECT_FINE ? OBJECT_FINE : as_named;
}

/* Beside the file, in its folder .debug, then in the folders for debug files. */
static char *debug_path(const struct object_sources *sources)
{
    const char *root = sources->sysroot != NULL ? sources->sysroot : "";
    if (sources->debug_dir == NULL) {
        return mem_format(":.debug:%s%s", root, object_debug_root);
    }
    return mem_format(":.debug:%s:%s%s", sources->debug_dir, root, object_debug_root);
}

/* Where libdwfl keeps what is ours for a module. */
static void **userdata_of(Dwfl_Module *module)
{
    void **userdata = NULL;
    (void)dwfl_module_info(module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
    return userdata;
}

/* False where there cannot be one. What a debug file refers to in its turn is asked for with other
 * userdata, and by another name. */
static bool may_have_debug_file(const struct object *object, const char *file,
                                const char *debuglink)
{
    return object->sources.asks_debuginfod || file == NULL ||
           debug_places_have(file, debuglink, &object->sources);
}

/*
 * libdwfl asks once for debug information and once more for a symbol table: a server that did not
 * answer would be waited for twice. Where it finds no file it loads the library that asks servers,
 * and thirty others with that, also when no server may be asked: without a file it is not asked.
 */
static int find_debug_file(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                           const char *file, const char *debuglink, GElf_Word crc, char **ret_path)
{
    void **own = userdata_of(module);
    struct object *object = *own;
    bool is_for_module = userdata == own;
    if (is_for_module && object->has_asked) {
        return -1;
    }
    object->has_asked = object->has_asked || is_for_module;
    if (is_for_module && !may_have_debug_file(object, file, debuglink)) {
        return dwfl_build_id_find_debuginfo(module, userdata, name, base, file, debuglink, crc,
                                            ret_path);
    }
    return dwfl_standard_find_debuginfo(module, userdata, name, base, file, debuglink, crc,
                                        ret_path);
}

static void index_dwarf(struct object *object)
{
    Dwarf_Addr bias = 0;
    Elf *elf = dwfl_module_getelf(object->module, &object->elf_bias);
    Dwarf *dwarf = dwfl_module_getdwarf(object->module, &bias);
    if (elf != NULL && dwarf != NULL) {
        object->dwarf_bias = bias - object->elf_bias;
        object->index = dwarf_index_create(dwarf, elf);
    }
}

enum object_state object_open(const struct object_wish *wish, struct object **ret)
{
    enum object_state state = OBJECT_DAMAGED;
    struct object *object = mem_zero(1, sizeof *object);
    if (!wish->sources.asks_debuginfod) {
        unsetenv("DEBUGINFOD_URLS"); /* libdwfl would ask a server for debug files */
    }
    object->sources = wish->sources;
    object->debug_path = debug_path(&wish->sources);
    object->callbacks = (Dwfl_Callbacks){.find_elf = dwfl_build_id_find_elf,
                                         .find_debuginfo = find_debug_file,
                                         .debuginfo_path = &object->debug_path};
    object->dwfl = dwfl_begin(&object->callbacks);
    object->strings = mem_strings_create();
    if (object->dwfl != NULL) {
        state = report(object, wish);
    }
    if (state != OBJECT_FINE) {
        object_close(object);
        return state;
    }
    *userdata_of(object->module) = object;
    index_dwarf(object);
    object->names = symbol_table_create(object->module);
    *ret = object;
    return OBJECT_FINE;
}

void object_close(struct object *object)
{
    if (object == NULL) {
        return;
    }
    symbol_table_destroy(object->names);
    dwarf_index_destroy(object->index);
    if (object->dwfl != NULL) {
        dwfl_end(object->dwfl);
    }
    mem_strings_destroy(object->strings);
    free(object->debug_path);
    free(object);
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

/* Lines are told from the inside out. */
static void fill_lines(struct object *object, struct dwarf_place *place, Dwarf_Addr pc,
                       struct object_answer *ret)
{
    for (size_t i = 0; i < place->count; i++) {
        size_t scope = place->count - 1 - i;
        struct object_line *line = &ret->lines[i];
        *line = (struct object_line){.linked = linked_name(&place->scopes[scope]),
                                     .is_inlined = scope > 0};
        if (i == 0) {
            fill_source(object, &place->lines, pc, line);
        } else {
            fill_call_place(object, &place->unit, &place->scopes[scope + 1], line);
        }
    }
    ret->count = place->count;
    ret->is_whole = place->count > 0;
}

static void find_in_dwarf(struct object *object, uint64_t address, struct object_answer *ret)
{
    Dwarf_Die scopes[OBJECT_LINES_MAX];
    struct dwarf_place place;
    Dwarf_Addr pc = address - object->dwarf_bias;
    if (object->index == NULL ||
        !dwarf_index_find(object->index, pc, scopes, OBJECT_LINES_MAX, &place)) {
        return;
    }
    ret->lacks_split = place.lacks_split;
    if (place.count > 0) {
        fill_lines(object, &place, pc, ret);
        return;
    }
    /* Assembly has lines, and its name in the symbol table. */
    fill_source(object, &place.lines, pc, &ret->lines[0]);
    ret->count = ret->lines[0].file != NULL ? 1 : 0;
}

static bool is_mangled(const char *name)
{
    return strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0;
}

/* The symbol table names code without debug information, and tells more of C++ functions of one
 * file: their debug information has no linked name, so no arguments. */
void object_find(struct object *object, uint64_t address, struct object_answer *ret)
{
    ret->lines[0] = (struct object_line){.linked = NULL};
    ret->count = 0;
    ret->is_whole = false;
    ret->lacks_split = false;
    find_in_dwarf(object, address, ret);
    struct object_line *outermost = &ret->lines[ret->count > 0 ? ret->count - 1 : 0];
    if (outermost->linked != NULL && is_mangled(outermost->linked)) {
        return;
    }
    const char *name = symbol_table_find(object->names, address + object->elf_bias);
    if (name == NULL) {
        return;
    }
    ret->count = ret->count > 0 ? ret->count : 1;
    if (outermost->linked == NULL || is_mangled(name)) {
        outermost->linked = name;
    }
}
