/*
 * base_say - the one line that tells a person why nothing is recorded.
 * Memory: none.   Errno: never touched.   Descriptors: standard error, by one raw write.
 */
#ifndef ALLOCTRAP_BASE_SAY_H
#define ALLOCTRAP_BASE_SAY_H

/* COLD. "alloctrap: not recording: <why> (<what>); <advice>"; an empty what is left out. */
void say_not_recording(const char *why, const char *what, const char *advice);

#endif
