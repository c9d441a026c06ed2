/*
 * live_record - launcher and recorder at once: runs a command and records it and what it starts.
 * Owner: the command `record`.   Threads: the main one, and live_beat's.
 */
#ifndef ALLOCTRAP_LIVE_RECORD_H
#define ALLOCTRAP_LIVE_RECORD_H

#include "live/live_dir.h"

struct live_record_options {
    const char *output; /* NULL: alloctrap.PROGRAM.PID.atrap */
    struct live_settings settings;
    bool is_trace;
    bool is_quiet;
    uint64_t units; /* 0: what the program says */
    const char *unit_name;
    uint64_t mark_at_ns; /* a mark for programs that tell none; 0: none */
};

/* *ret_status is the command's own, 128 + signal, or 126/127 when it cannot be started. */
ERR_CHECKED enum err_code live_record(const struct live_record_options *options, char **argv,
                                      int *ret_status, struct err *reterr);

#endif
