/*
 * floor_timing - what the timing floor has summed up on the calling thread.
 * The load program declares these weak: they are there only under the preload, and so prove it.
 */
#ifndef FLOOR_TIMING_H
#define FLOOR_TIMING_H

#include <stdint.h>

/* Calls of the malloc family that this thread has made, and the ticks that they took. */
__attribute__((weak)) uint64_t floor_timing_calls(void);
__attribute__((weak)) uint64_t floor_timing_ticks(void);

#endif
