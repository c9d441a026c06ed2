/* Every shape of realloc: begun, grown, shrunk, unchanged, failed, freed. */
#include "counts.h"

#include <stdint.h>
#include <stdlib.h>

int main(void)
{
    char *block = counts_block(realloc(NULL, 10), 10);
    static const size_t sizes[] = {20, 20, 100000, 5, 1000000, 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        block = counts_block(realloc(block, sizes[i]), sizes[i]);
        counts_free();
    }
    volatile size_t too_much = PTRDIFF_MAX;
    if (realloc(block, too_much) != NULL || reallocarray(block, too_much, 4) != NULL) {
        return 96;
    }
    block = counts_block(reallocarray(block, 7, 9), 63);
    counts_free();
    if (realloc(block, 0) != NULL) { /* glibc frees */
        return 95;
    }
    counts_free();
    counts_tell();
    return 0;
}
