/*
 * name_addresses FILE [DEBUG_DIR] < ADDRESSES - names link-time addresses (hexadecimal, one a
 * line) as a recording's would be, and prints them as `addr2line -a -f -i` and `llvm-symbolizer
 * --output-style=GNU -a` do: the address, then two lines for each function. Names are as linked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "symbol/symbol.h"

static void print_frame(const struct profile *p, const struct profile_frame *frame)
{
    printf("0x%016" PRIx64 "\n", frame->offset);
    for (uint32_t i = 0; i < frame->symbol_count; i++) {
        const struct profile_symbol *symbol = &p->symbols.at[frame->symbol_first + i];
        printf("%s\n%s:%" PRIu32 "\n",
               symbol->raw_name[0] != '\0' ? symbol->raw_name : symbol->function,
               symbol->file[0] != '\0' ? symbol->file : "??", symbol->line);
    }
}

int main(int argc, char **argv)
{
    uint64_t address = 0;
    struct symbol_notes notes;
    struct symbol_options options = {.avoids_cache = true};
    if (argc < 2) {
        fputs("usage: name_addresses FILE [DEBUG_DIR] < ADDRESSES\n", stderr);
        return 2;
    }
    options.sources.debug_dir = argc > 2 ? argv[2] : NULL;
    struct profile *p = profile_create();
    uint32_t module = profile_module(p, argv[1], NULL, 0);
    while (scanf("%" SCNx64, &address) == 1) {
        profile_frame(p, module, address, SESSION_NODE_EXACT_PC);
    }
    symbol_resolve(p, &options, &notes);
    for (size_t i = 1; i < p->frames.count; i++) {
        print_frame(p, &p->frames.at[i]);
    }
    for (size_t i = 0; i < notes.troubles.count; i++) {
        char *text = symbol_trouble_text(p, &notes.troubles.at[i]);
        fprintf(stderr, "%s\n", text);
        free(text);
    }
    symbol_notes_finish(&notes);
    profile_destroy(p);
    return 0;
}
