/* Children that free their parent's blocks and allocate their own, three generations deep. */
#include "counts.h"

#include <stdlib.h>
#include <sys/wait.h>

enum { GENERATIONS = 3, CHILDREN = 3 };

static void live(int generation)
{
    void *block = counts_block(malloc(100), 100);
    for (int i = 0; generation < GENERATIONS && i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0) {
            counts_reset();
            free(block);
            counts_free();
            live(generation + 1);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    block = realloc(block, 200);
    counts_free();
    (void)counts_block(block, 200);
    free(block);
    counts_free();
    counts_tell();
}

int main(void)
{
    live(0);
    return 0;
}
