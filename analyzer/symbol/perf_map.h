/*
 * perf_map - names of code made at run time, from the /tmp/perf-PID.map that a runtime wrote.
 * Such a file is taken only when it is ours (a regular file of this user that no other can write),
 * not too large, and last written while the process ran: process ids and pages are used again.
 */
#ifndef ALLOCTRAP_SYMBOL_PERF_MAP_H
#define ALLOCTRAP_SYMBOL_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* An address to name. name: NULL = none found, "" = several names claim it. */
struct perf_map_name {
    uint64_t address;
    const char *name; /* of the strings given */
};

/* Names what it can; names are sorted by address. False when the file must not be used.
 * Times in ns since 1970. */
bool perf_map_read(const char *path, uint64_t start_ns, uint64_t end_ns,
                   struct perf_map_name *names, size_t count, struct mem_strings *strings);

#endif
