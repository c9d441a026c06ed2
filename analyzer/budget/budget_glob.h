/*
 * budget_glob - the patterns of a policy: * ? [..] over names, ** across folders, | between
 * alternatives. fnmatch(3) does the work; its extended patterns, which can take exponential time,
 * are not reachable from here.
 * Pure. Threads: any.
 */
#ifndef ALLOCTRAP_BUDGET_BUDGET_GLOB_H
#define ALLOCTRAP_BUDGET_BUDGET_GLOB_H

#include <stdbool.h>

enum { BUDGET_GLOB_BYTES = 256, BUDGET_GLOB_STARS = 16 };

/* NULL, or what a pattern should be instead. */
const char *budget_glob_check(const char *pattern);

/* A name: any alternative matches the whole of it. */
bool budget_glob_matches(const char *pattern, const char *name);

/* A demangled function: as above, or without its arguments, or without those of templates too. */
bool budget_glob_matches_function(const char *pattern, const char *function);

/* A path: component by component; a pattern that does not begin with / may begin at any folder. */
bool budget_glob_matches_path(const char *pattern, const char *path);

#endif
