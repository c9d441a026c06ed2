/*
 * profile_spans - parts of a run in a profile: found by what they are, and merged.
 * Marks are matched by name and by how many of that name came before them, everything else by kind
 * and name: what a program does in the same order on every run adds up.
 */
#ifndef ALLOCTRAP_HEAP_PROFILE_SPANS_H
#define ALLOCTRAP_HEAP_PROFILE_SPANS_H

#include "heap/profile.h"

/* Adds the spans of from, whose site ids become sites[id]. */
void profile_spans_merge(struct profile *into, const struct profile *from, const uint32_t *sites);

/* "mark", "phase", ... */
const char *profile_span_kind_name(uint32_t kind);

#endif
