/*
 * finding_place - which frame of a call site is the one to talk about: the innermost outside the
 * wrappers that are known, and outside those that are not but behave like one. A function that
 * many different callers allocate through, and that does not itself free what it replaces, says
 * nothing about why; its callers do: a stripped program's xmalloc, a library's own allocation
 * layer, a constructor used everywhere. Looked at from the profile as a whole: first every site is
 * added, then each is asked for. An append function that copies and frees by itself stays, however
 * many call it: what it does is the finding.
 * Memory: grows with the functions. All zero but for names is empty.
 */
#ifndef ALLOCTRAP_INSIGHT_FINDING_PLACE_H
#define ALLOCTRAP_INSIGHT_FINDING_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "heap/id_map.h"
#include "insight/site_name.h"

enum {
    /* Different callers that make a function a wrapper: a helper has two or three, a layer has
     * dozens. */
    FINDING_PLACE_CALLERS_MIN = 8,
    FINDING_PLACE_STEPS_MAX = 4 /* layers above layers; further out it is the program's logic */
};

struct finding_place_function {
    uint64_t callers; /* different ones */
    uint64_t allocs;  /* with this as the shown frame */
    uint64_t by_copy_steps;
};

struct finding_places {
    struct mem_strings *names; /* borrowed */
    struct id_map functions;   /* kept key -> functions */
    struct id_map calls;       /* (key, caller's key) seen */
    MEM_ARRAY(struct finding_place_function) all;
};

/* shown: what site_stack_shown() said. */
void finding_places_add(struct finding_places *places, const struct site_stack *stack, size_t shown,
                        const struct profile_site *site);

/* Index of the frame to talk about: shown, or further out. */
size_t finding_places_of(const struct finding_places *places, const struct site_stack *stack,
                         size_t shown);
void finding_places_finish(struct finding_places *places);

#endif
