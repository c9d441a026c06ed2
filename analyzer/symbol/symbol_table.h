/*
 * symbol_table - the names of a file's symbol tables by address: sorted once, searched by halves.
 * (libdwfl's own dwfl_module_addrinfo() walks over all symbols for each address.)
 * The file may be hostile: use it in a symbol worker.
 * Owner: symbol_table_destroy(). Threads: one at a time. Memory: 64 bytes a symbol. Names live as
 * long as the Dwfl that the module is of.
 */
#ifndef ALLOCTRAP_SYMBOL_SYMBOL_TABLE_H
#define ALLOCTRAP_SYMBOL_SYMBOL_TABLE_H

#include <elfutils/libdwfl.h>

struct symbol_table;

/* All tables that libdwfl finds: of the file, of its debug file, of its MiniDebugInfo. */
struct symbol_table *symbol_table_create(Dwfl_Module *module);
void symbol_table_destroy(struct symbol_table *table);

/*
 * The name of the symbol around an address (libdwfl's, its bias included) that begins last; of
 * several names of one address a global one before a weak and a local one. Where no symbol with a
 * size is around it, the last label before it in its section, as assembly has them. NULL = none.
 */
const char *symbol_table_find(const struct symbol_table *table, GElf_Addr address);

#endif
