/*
 * live_dir - the session directory: made, watched for new sessions, beaten, removed.
 * Owner:   the recorder; hosts add files to it.   Threads: one, but live_dir_beat() by any.
 * Memory:  one page of mapping.   Descriptors: all O_CLOEXEC.
 */
#ifndef ALLOCTRAP_LIVE_DIR_H
#define ALLOCTRAP_LIVE_DIR_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "alloctrap/session.h"
#include "base/err.h"

struct live_settings {
    uint32_t depth_max;
    bool latency_on;
    bool causes_on;
    bool free_stacks_on;
    bool follow_on;
    bool is_command_left_out; /* arguments are not stored, neither by hosts nor by us */
    enum session_on_full on_full;
    enum session_stacks_by stacks_by;
};

struct live_dir {
    char path[PATH_MAX]; /* absolute */
    int fd;
    int notify_fd;       /* -1: no inotify, the directory is read now and then */
    uint64_t scanned_ns; /* when the whole directory was read last, and what that took */
    uint64_t scan_cost_ns;
    struct session_control *control; /* one page; read-only for live_dir_open() */
};

/* Makes OUTPUT.session (0700) with its control file. One left over from a killed recorder is an
 * error that names `alloctrap recover`. */
ERR_CHECKED enum err_code live_dir_create(struct live_dir *dir, const char *output,
                                          const struct live_settings *settings, struct err *reterr);

/* Opens an existing one; to record (the heartbeat is written) or to look at it only. */
ERR_CHECKED enum err_code live_dir_open(struct live_dir *dir, const char *path, bool is_recorder,
                                        struct err *reterr);

/* Calls visit with the names of session files: those that inotify tells of, and all there are when
 * is_forced, when it has missed some, and now and then, for at most a fiftieth of the time. Names
 * may come more than once. */
typedef void (*live_dir_visit)(void *context, const char *name);
void live_dir_scan(struct live_dir *dir, bool is_forced, live_dir_visit visit, void *context);

/* The recorder is alive. */
void live_dir_beat(const struct live_dir *dir, enum session_recorder_state state);

/* Unmaps and closes. */
void live_dir_close(struct live_dir *dir);

/* Removes control, all session files and the directory; anything else in it stays. */
void live_dir_remove(const struct live_dir *dir);

#endif
