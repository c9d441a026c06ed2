/* Brings its own malloc, so that no call of it can be seen. */
#include "counts.h"

#include <stddef.h>
#include <stdlib.h>

static char memory[1 << 20];
static size_t used;

void *malloc(size_t size)
{
    size_t start = used;
    used += (size + 15) & ~(size_t)15;
    return used <= sizeof memory ? memory + start : NULL;
}

void free(void *block)
{
    (void)block;
}

int main(void)
{
    for (int i = 0; i < 100; i++) {
        free(malloc(100));
    }
    return write(STDOUT_FILENO, "own\n", 4) == 4 ? 9 : 1;
}
