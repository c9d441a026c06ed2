#include "live/live_notes.h"

#include <string.h>

uint32_t live_notes_id(struct profile *profile, const char *kept_name)
{
    uint32_t at = 0;
    while (at < profile->notes.count && profile->notes.at[at] != kept_name) {
        at += 1; /* kept texts: equal ones are one */
    }
    if (at == profile->notes.count) {
        *MEM_PUSH(&profile->notes) = kept_name;
    }
    return at;
}

uint32_t live_notes_of(struct live_session *session, struct profile *profile, uint32_t id)
{
    if (session->note_of[id] == 0) {
        const struct session_note_name *note = &session->head->notes[id];
        char name[SESSION_NOTE_BYTES + 1] = "?"; /* stays in a hostile session */
        /* Acquire; pairs with the release that published the name. */
        if (atomic_load_explicit(&note->is_ready, memory_order_acquire) != 0) {
            memcpy(name, note->name, SESSION_NOTE_BYTES);
            name[SESSION_NOTE_BYTES] = '\0';
        }
        session->note_of[id] = live_notes_id(profile, mem_strings_keep(profile->strings, name)) + 1;
    }
    return session->note_of[id] - 1;
}
