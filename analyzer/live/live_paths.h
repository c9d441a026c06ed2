/*
 * live_paths - a session's call-path nodes as paths of the profile, each translated once.
 * Hostile nodes (a parent that is not below its child, a table outside the file) end the path.
 * Owner: the recorder.   Threads: one.
 */
#ifndef ALLOCTRAP_LIVE_PATHS_H
#define ALLOCTRAP_LIVE_PATHS_H

#include "live/live_session.h"

/* The slow way: a node not met before. */
uint32_t live_paths_translate(struct live_session *session, struct profile *profile, uint32_t node);

/* The profile's path of a node; 0 for what cannot be. */
static inline uint32_t live_path(struct live_session *session, struct profile *profile,
                                 uint32_t node)
{
    if (node < session->path_room && session->path_of_node[node] != 0) {
        return session->path_of_node[node] - 1;
    }
    return live_paths_translate(session, profile, node);
}

#endif
