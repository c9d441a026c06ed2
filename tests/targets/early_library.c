/* A library whose constructor runs before the profiler's own. */
#include "early_library.h"

#include <stdlib.h>

void *early_block;

__attribute__((constructor)) static void begin(void)
{
    early_block = malloc(EARLY_BYTES);
}
