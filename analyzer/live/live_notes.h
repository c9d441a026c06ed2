/*
 * live_notes - the names of a session's marks and phases as numbers of the profile. Equal names are
 * one number, whichever process uses them.
 * Owner: the recorder.   Threads: one; the host writes names at the same time.
 */
#ifndef ALLOCTRAP_LIVE_LIVE_NOTES_H
#define ALLOCTRAP_LIVE_LIVE_NOTES_H

#include "heap/profile.h"
#include "live/live_session.h"

/* The number of a name that the profile's strings keep. */
uint32_t live_notes_id(struct profile *profile, const char *kept_name);

/* The number of a session's note; id is below SESSION_NOTES_MAX. */
uint32_t live_notes_of(struct live_session *session, struct profile *profile, uint32_t id);

#endif
