/* Each function that begins or ends a block, without a call that fails: Valgrind counts those. */
#include "counts.h"

#include <malloc.h>
#include <stdlib.h>

enum { ROUNDS = 50 };

int main(void)
{
    char *grown = NULL;
    for (size_t i = 1; i <= ROUNDS; i++) {
        void *block = counts_block(malloc(i), i);
        free(block);
        counts_free();
        free(counts_block(calloc(i, 3), 3 * i));
        counts_free();
        free(counts_block(memalign(64, i), i));
        counts_free();
        (void)counts_block(malloc(7), 7); /* stays */
        char *bigger = counts_block(realloc(grown, 100 * i), 100 * i);
        if (grown != NULL) {
            counts_free();
        }
        grown = bigger;
    }
    free(grown);
    counts_free();
    counts_tell();
    return 0;
}
