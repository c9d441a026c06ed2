#include "symbol/symbol_table.h"

#include <stdbool.h>
#include <stdlib.h>

#include <gelf.h>

#include "base/mem.h"
#include "symbol/stretch.h"

enum rank { RANK_OF_GLOBAL, RANK_OF_WEAK, RANK_OF_LOCAL };

struct symbol_table {
    Dwfl_Module *module;
    struct stretches sized;
    struct stretches labels;
};

/* Of equal stretches the lowest owner is found: the rank, then the place in the table. */
static size_t owner_of(enum rank rank, int index, int count)
{
    return (size_t)rank * (size_t)count + (size_t)index;
}

static enum rank rank_of(const GElf_Sym *symbol)
{
    switch (GELF_ST_BIND(symbol->st_info)) {
    case STB_LOCAL:
        return RANK_OF_LOCAL;
    case STB_WEAK:
        return RANK_OF_WEAK;
    default:
        return RANK_OF_GLOBAL;
    }
}

static bool is_code(const GElf_Sym *symbol, GElf_Word section, const char *name)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    return section != SHN_UNDEF && name[0] != '\0' &&
           (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE);
}

/* The end of the section that a label stands in; 0 = none. section: where the symbol's own file
 * numbers it. */
static GElf_Addr section_end(Elf *elf, GElf_Word section, GElf_Addr bias)
{
    GElf_Shdr header;
    Elf_Scn *scn = elf != NULL && section < SHN_LORESERVE ? elf_getscn(elf, section) : NULL;
    if (scn == NULL || gelf_getshdr(scn, &header) == NULL ||
        (header.sh_flags & SHF_EXECINSTR) == 0) {
        return 0;
    }
    return header.sh_addr + header.sh_size + bias;
}

static void add_symbol(struct symbol_table *table, int index, int count)
{
    GElf_Sym symbol;
    GElf_Addr address = 0;
    GElf_Word section = SHN_UNDEF;
    Elf *elf = NULL;
    Dwarf_Addr bias = 0;
    const char *name =
        dwfl_module_getsym_info(table->module, index, &symbol, &address, &section, &elf, &bias);
    if (name == NULL || !is_code(&symbol, section, name)) {
        return;
    }
    size_t owner = owner_of(rank_of(&symbol), index, count);
    GElf_Addr end =
        symbol.st_size != 0 ? address + symbol.st_size : section_end(elf, section, bias);
    if (end > address) {
        stretches_add(symbol.st_size != 0 ? &table->sized : &table->labels, address, end, owner);
    }
}

/* A label reaches no further than to the next symbol of any kind. */
static void end_labels(struct symbol_table *table)
{
    size_t next_sized = 0;
    struct stretches *labels = &table->labels;
    for (size_t i = 0; i < labels->list.count; i++) {
        struct stretch *label = &labels->list.at[i];
        while (next_sized < table->sized.list.count &&
               table->sized.list.at[next_sized].low <= label->low) {
            next_sized++;
        }
        if (next_sized < table->sized.list.count &&
            table->sized.list.at[next_sized].low < label->high) {
            label->high = table->sized.list.at[next_sized].low;
        }
    }
    stretches_sort(labels);
}

struct symbol_table *symbol_table_create(Dwfl_Module *module)
{
    struct symbol_table *table = mem_zero(1, sizeof *table);
    int count = dwfl_module_getsymtab(module);
    table->module = module;
    for (int i = 1; i < count; i++) {
        add_symbol(table, i, count);
    }
    stretches_sort(&table->sized);
    stretches_sort(&table->labels);
    end_labels(table);
    return table;
}

void symbol_table_destroy(struct symbol_table *table)
{
    if (table != NULL) {
        stretches_finish(&table->sized);
        stretches_finish(&table->labels);
        free(table);
    }
}

const char *symbol_table_find(const struct symbol_table *table, GElf_Addr address)
{
    GElf_Sym symbol;
    int count = dwfl_module_getsymtab(table->module);
    const struct stretch *found = stretches_find(&table->sized, address);
    if (found == NULL) {
        found = stretches_find(&table->labels, address);
    }
    if (found == NULL || count <= 0) {
        return NULL;
    }
    return dwfl_module_getsym(table->module, (int)(found->owner % (size_t)count), &symbol, NULL);
}
