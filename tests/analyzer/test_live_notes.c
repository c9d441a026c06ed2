/* Names of marks and phases become numbers of the profile, once each. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "live/live_notes.h"

static void name(struct session_head *head, uint32_t id, const char *text, bool is_ready)
{
    memcpy(head->notes[id].name, text, strlen(text) + 1);
    atomic_store(&head->notes[id].is_ready, is_ready);
}

Test(live_notes, equal_names_are_one_number)
{
    struct profile *profile = profile_create();
    struct live_session *session = mem_zero(1, sizeof *session);
    session->head = mem_zero(1, sizeof *session->head);
    name(session->head, 0, "warm", true);
    name(session->head, 1, "done", true);
    name(session->head, 2, "warm", true);
    name(session->head, 3, "half writ", false);
    memset(session->head->notes[4].name, 'x', SESSION_NOTE_BYTES); /* hostile: no end */
    atomic_store(&session->head->notes[4].is_ready, 1);
    cr_assert_eq(live_notes_of(session, profile, 0), 0);
    cr_assert_eq(live_notes_of(session, profile, 1), 1);
    cr_assert_eq(live_notes_of(session, profile, 2), 0);
    cr_assert_eq(live_notes_of(session, profile, 1), 1);
    cr_assert_str_eq(profile->notes.at[live_notes_of(session, profile, 3)], "?");
    cr_assert_eq(strlen(profile->notes.at[live_notes_of(session, profile, 4)]), SESSION_NOTE_BYTES);
    cr_assert_eq(profile->notes.count, 4);
    free(session->head);
    free(session);
    profile_destroy(profile);
}
