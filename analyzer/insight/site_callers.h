/*
 * site_callers - which callers of a call site to show, when several sites stand in one list: as
 * many as tell it from the others, and far enough out that a function's name is among them.
 * First every site of the list is added, then each is asked for.
 * Memory: grows with the list. All zero is an empty list.
 */
#ifndef ALLOCTRAP_INSIGHT_SITE_CALLERS_H
#define ALLOCTRAP_INSIGHT_SITE_CALLERS_H

#include <stddef.h>
#include <stdint.h>

#include "heap/id_map.h"
#include "insight/site_name.h"

enum { SITE_CALLERS_MAX = 5 };

struct site_callers_list {
    struct id_map once; /* chains that one site of the list has; value 0 = several have it */
};

struct site_callers {
    size_t at[SITE_CALLERS_MAX]; /* indexes into the stack, from the inside out */
    size_t count;
    size_t left_out; /* callers between the last two of them; 0 = none */
};

/* shown: what site_stack_shown() said. */
void site_callers_add(struct site_callers_list *list, const struct site_stack *stack, size_t shown);
struct site_callers site_callers_of(const struct site_callers_list *list,
                                    const struct site_stack *stack, size_t shown);
void site_callers_finish(struct site_callers_list *list);

#endif
