/*
 * site_notes - the lines under a call site's row that say who called it.
 */
#ifndef ALLOCTRAP_VIEW_SITE_NOTES_H
#define ALLOCTRAP_VIEW_SITE_NOTES_H

#include "base/table.h"
#include "insight/site_callers.h"

/* Under the row begun last. list: all sites of the table. */
void site_notes_add(struct table *table, const struct site_callers_list *list,
                    const struct site_stack *stack, size_t shown);

#endif
