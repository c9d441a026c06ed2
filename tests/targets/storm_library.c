/* Allocates as told; what it calls itself by is STORM_NAME. Both builds have one layout, so that
 * one's addresses are soon the other's. */
#include "storm_library.h"

#include <stdlib.h>

storm_work_fn storm_work;

__attribute__((noinline)) void STORM_NAME(int blocks, void *(*keep)(void *), void (*drop)(void *));

void STORM_NAME(int blocks, void *(*keep)(void *), void (*drop)(void *))
{
    for (int i = 0; i < blocks; i++) {
        void *block = keep(malloc(24));
        drop(block);
        free(block);
    }
}

void storm_work(int blocks, void *(*keep)(void *), void (*drop)(void *))
{
    STORM_NAME(blocks, keep, drop);
}
