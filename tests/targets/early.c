/* Frees a block that a library's constructor allocated. */
#include "counts.h"
#include "early_library.h"

#include <stdlib.h>

int main(void)
{
    free(counts_block(early_block, EARLY_BYTES));
    counts_free();
    counts_tell();
    return 0;
}
