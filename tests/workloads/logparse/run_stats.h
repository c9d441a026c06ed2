/*
 * run_stats - what one run of logparse did, and how fast; printed in the same words for both
 * builders, as text for people or as one JSON object.
 */
#ifndef RUN_STATS_H
#define RUN_STATS_H

#include "latency.h"
#include "log_parse.h"

#include <stdint.h>
#include <stdio.h>

struct run_stats {
    const char *builder;
    uint64_t lines;
    uint64_t malformed_lines;
    uint64_t defects[LOG_DEFECTS]; /* malformed lines by what is wrong with them */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t checksum;
    uint64_t wall_ns;
    uint64_t peak_rss_kib; /* of the whole process; 0 = not known */
    struct latency latency;
};

void run_stats_print_text(const struct run_stats *stats, FILE *out);
void run_stats_print_json(const struct run_stats *stats, FILE *out);

#endif
