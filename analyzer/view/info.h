/*
 * info - what a recording is, on one screen: whose run, when, how it ended, how much it holds.
 */
#ifndef ALLOCTRAP_VIEW_INFO_H
#define ALLOCTRAP_VIEW_INFO_H

#include <stdint.h>
#include <stdio.h>

#include "heap/profile.h"
#include "store/store.h"

struct info {
    const char *path;
    uint64_t file_bytes;
    struct store_trace_size trace;
    const struct profile *profile;
};

void info_print(const struct info *info, FILE *out);

#endif
