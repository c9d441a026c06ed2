/* What the profiler looked up and did not find is not the host's error. */
#include "counts.h"

#include <dlfcn.h>
#include <stdlib.h>

int main(void)
{
    if (dlerror() != NULL) {
        return 88;
    }
    free(counts_block(malloc(3), 3));
    counts_free();
    if (dlerror() != NULL) {
        return 87;
    }
    counts_tell();
    return 0;
}
