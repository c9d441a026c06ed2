/*
 * story_profile - two profiles that read like real ones, with fixed numbers: a log parser that
 * makes a string for every piece (BEFORE), and one that keeps its buffers (AFTER). For the tests of
 * what users read.
 */
#ifndef ALLOCTRAP_TESTS_STORY_PROFILE_H
#define ALLOCTRAP_TESTS_STORY_PROFILE_H

#include "heap/profile.h"

/* HOSTILE: few numbers, and names that try to steer whatever prints them. */
enum story { STORY_BEFORE, STORY_AFTER, STORY_HOSTILE };

/* Sealed; profile_destroy() it. */
struct profile *story_profile(enum story story);

/* One frame with one symbol, or two when inlined_into is not NULL. Returns the frame's id. */
uint32_t story_frame(struct profile *p, const char *module, const char *function, const char *file,
                     uint32_t line, const char *inlined_into);

/* A site at the end of a chain of frames, outermost first, 0 ends it. Returns the site's id. */
uint32_t story_site(struct profile *p, const uint32_t *frames);

/* Calls of malloc at the end of a stack of functions of one program, outermost first, NULL ends it;
 * line 10 of the first, 11 of the second, ... Returns the site's id. */
uint32_t story_stack(struct profile *p, const char *const *functions, uint64_t count,
                     uint64_t bytes);

/* Adds calls of one function at a site, each taking `ns`, and every hundredth ten times that. */
void story_calls(struct profile *p, uint32_t site, uint8_t call, uint64_t count, uint64_t bytes,
                 uint64_t ns);

#endif
