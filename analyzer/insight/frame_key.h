/*
 * frame_key - what a frame is called where recordings meet: the library's file name and the
 * function, without what a rebuild moves (addresses, lines, folders, the compiler's clones).
 * Not for: showing; site_name does that.
 * Memory: results are new strings. Threads: any. Errors: none.
 */
#ifndef ALLOCTRAP_INSIGHT_FRAME_KEY_H
#define ALLOCTRAP_INSIGHT_FRAME_KEY_H

#include "heap/profile.h"
#include "insight/site_name.h"

/* The file name of the program that was run, without folders; "" = unknown; free() it. */
char *frame_key_program(const struct profile *profile);

/* The frame's key; program is its recording's, whose own file name does not count; free() it. */
char *frame_key(const struct site_frame *frame, const char *program);

#endif
