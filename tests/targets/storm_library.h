/* storm_library - two libraries of one size, with functions of their own name at the same place:
 * storm_work in both, built as storm_one.c's and storm_two's. */
#ifndef STORM_LIBRARY_H
#define STORM_LIBRARY_H

typedef void storm_work_fn(int blocks, void *(*keep)(void *block), void (*drop)(void *block));

#endif
