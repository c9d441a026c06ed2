/* Loads and closes a library again and again; its constructor allocates each time. */
#include "counts.h"
#include "early_library.h"

#include <dlfcn.h>
#include <stdlib.h>

enum { ROUNDS = 20 };

int main(int argc, char **argv)
{
    for (int i = 0; argc > 1 && i < ROUNDS; i++) {
        void *library = dlopen(argv[1], RTLD_NOW);
        void **block = library == NULL ? NULL : dlsym(library, "early_block");
        if (block == NULL) {
            return 89;
        }
        free(counts_block(*block, EARLY_BYTES));
        counts_free();
        dlclose(library);
    }
    counts_tell();
    return 0;
}
