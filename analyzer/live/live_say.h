/*
 * live_say - what a recorder tells the person on stderr: warnings, and the last line.
 * Owner: none.   Threads: the main one.
 */
#ifndef ALLOCTRAP_LIVE_SAY_H
#define ALLOCTRAP_LIVE_SAY_H

#include "live/live_recorder.h"

/* "alloctrap: naive.atrap: 12,345,678 calls (6.17 M allocations), nothing lost; see it with: ..."
 * What was lost comes first. */
void live_say_done(const struct profile *profile, const char *output);

/* What went wrong on the way: sessions that could not be used, counters that do not agree. */
void live_say_warnings(const struct live_recorder *recorder);

/* The command has ended, these processes have not. */
void live_say_still_running(const struct live_recorder *recorder);

/* Why nothing came from the program, and what to do. is_refused: it was run without us. */
void live_say_nothing(const char *program, const char *why, bool is_refused);

/* One line of printf, escaped by the caller. */
__attribute__((format(printf, 1, 2))) void live_say(const char *format, ...);

#endif
