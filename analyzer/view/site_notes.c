#include "view/site_notes.h"

#include <stdlib.h>

#include "base/mem.h"

static void add_note(struct table *table, char *note)
{
    table_note(table, note);
    free(note);
}

void site_notes_add(struct table *table, const struct site_callers_list *list,
                    const struct site_stack *stack, size_t shown)
{
    struct site_callers callers = site_callers_of(list, stack, shown);
    for (size_t i = 0; i < callers.count; i++) {
        if (callers.left_out != 0 && i + 1 == callers.count) {
            add_note(table, mem_format("... %zu more, and", callers.left_out));
        }
        char *label = site_label(&stack->at[callers.at[i]]);
        add_note(table, mem_format("called by %s", label));
        free(label);
    }
}
