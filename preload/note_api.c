/*
 * note_api - the in-process side of alloctrap.h: what the program tells about itself.
 * Threads: any.   Memory: the session's head.   Errno: kept.
 */
#include "hook_export.h"
#include "hook_life.h"
#include "link_session.h"

#include <string.h>

EXPORT void alloctrap_note_units(uint64_t count, const char *unit_name)
{
    struct session_head *head = life_session();
    if (head == NULL) {
        return;
    }
    /* Two first tellers at once write one after the other; each leaves room for the NUL. */
    if (head->unit_name[0] == '\0' && unit_name != NULL) {
        memcpy(head->unit_name, unit_name, strnlen(unit_name, sizeof head->unit_name - 1));
    }
    link_add(&head->units, count);
}
