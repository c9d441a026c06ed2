/*
 * session_sums - a session directory made and read by tests, without a recorder: what all its
 * sessions counted. A second opinion on the layout in session.h; the analyzer is not asked.
 * Errors: a file that cannot be read ends the test program with status 2.
 */
#ifndef SESSION_SUMS_H
#define SESSION_SUMS_H

#include <stdint.h>

#include "alloctrap/session.h"

struct counts {
    uint64_t allocs;
    uint64_t frees;
    uint64_t bytes;
};

/* Rows are the target's when their innermost frame is in a file of the targets' folder, or is
 * unknown. */
struct session_sums {
    struct counts target; /* of the target's own code */
    uint64_t all_calls;   /* of everything */
    uint64_t all_events;  /* blocks begun, ended, refused */
    uint64_t ring_events;
    uint64_t measured_calls; /* slow ones whose cause is in the ring */
    uint64_t lost;
    uint64_t units;
    uint64_t sessions;
    uint64_t ns;
    uint64_t bad_heads;
};

/* Writes the control file into an empty directory; of *settings, the host's switches are taken. */
void session_make(const char *dir, const struct session_control *settings);

/* Sums up all session files, and removes them and the directory. */
struct session_sums session_sum_dir(const char *dir);

#endif
