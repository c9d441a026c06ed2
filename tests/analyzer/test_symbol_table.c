#include "symbol/symbol_table.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *debug_path;
static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_build_id_find_elf,
                                         .find_debuginfo = dwfl_standard_find_debuginfo,
                                         .debuginfo_path = &debug_path};

static Dwfl_Module *open_module(Dwfl *dwfl, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s", path);
    dwfl_report_begin(dwfl);
    Dwfl_Module *module = dwfl_report_elf(dwfl, path, path, fd, 0, true);
    cr_assert_not_null(module);
    dwfl_report_end(dwfl, NULL, NULL);
    return module;
}

/* Is there a symbol of this name at this address? */
static bool stands_at(Dwfl_Module *module, const char *name, GElf_Addr address)
{
    GElf_Sym symbol;
    GElf_Addr value;
    for (int i = 1; i < dwfl_module_getsymtab(module); i++) {
        const char *other = dwfl_module_getsym_info(module, i, &symbol, &value, NULL, NULL, NULL);
        if (other != NULL && value == address && strcmp(other, name) == 0) {
            return true;
        }
    }
    return false;
}

/* At both ends of a symbol we know what libdwfl's slow look-up knows, or another name of it. */
static void check_symbol(Dwfl_Module *module, const struct symbol_table *table, GElf_Addr address)
{
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char *theirs = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    const char *ours = symbol_table_find(table, address);
    cr_assert_not_null(ours, "at %lx", (unsigned long)address);
    cr_assert(strcmp(ours, theirs) == 0 || stands_at(module, ours, address - offset),
              "at %lx: %s, not %s", (unsigned long)address, ours, theirs);
}

static size_t check_all(const char *path, int step)
{
    size_t checked = 0;
    Dwfl *dwfl = dwfl_begin(&callbacks);
    Dwfl_Module *module = open_module(dwfl, path);
    struct symbol_table *table = symbol_table_create(module);
    for (int i = 1; i < dwfl_module_getsymtab(module); i += step) {
        GElf_Sym symbol;
        GElf_Addr value;
        GElf_Word section;
        if (dwfl_module_getsym_info(module, i, &symbol, &value, &section, NULL, NULL) != NULL &&
            GELF_ST_TYPE(symbol.st_info) == STT_FUNC && section != SHN_UNDEF &&
            symbol.st_size != 0) {
            check_symbol(module, table, value);
            check_symbol(module, table, value + symbol.st_size - 1);
            checked++;
        }
    }
    symbol_table_destroy(table);
    dwfl_end(dwfl);
    return checked;
}

Test(symbol_table, names_are_libdwfls_own)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/symbols_cpp", getenv("ALLOCTRAP_TEST_TARGETS"));
    cr_assert_geq(check_all(path, 1), 10);
    cr_assert_gt(check_all("/lib/x86_64-linux-gnu/libc.so.6", 5), 100);
}

/* _init has no size: it is named up to the end of its section. */
Test(symbol_table, labels_without_a_size_reach_to_the_next_symbol)
{
    Dwfl *dwfl = dwfl_begin(&callbacks);
    Dwfl_Module *module = open_module(dwfl, "/proc/self/exe");
    struct symbol_table *table = symbol_table_create(module);
    GElf_Sym symbol;
    GElf_Addr value = 0;
    int i = 1;
    int count = dwfl_module_getsymtab(module);
    for (; i < count; i++) {
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &value, NULL, NULL, NULL);
        if (name != NULL && strcmp(name, "_init") == 0 && symbol.st_size == 0) {
            break;
        }
    }
    cr_assert_lt(i, count, "a program has an _init");
    cr_assert_str_eq(symbol_table_find(table, value), "_init");
    cr_assert_str_eq(symbol_table_find(table, value + 4), "_init");
    cr_assert_null(symbol_table_find(table, 0), "nothing stands there");
    cr_assert_null(symbol_table_find(table, UINT64_MAX));
    symbol_table_destroy(table);
    dwfl_end(dwfl);
}
