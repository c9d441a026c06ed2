/*
 * load_run - runs one load on its threads and times it.
 * Not for: several loads at once. Memory: its own by mmap, so that only the load's blocks are
 * malloc's. Threads: makes and joins load.threads of them; with one thread the caller's. Ends the
 * process with a message when memory or threads cannot be had.
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "load_tree.h"

#include <stdint.h>

enum load_mode { LOAD_PATHS, LOAD_CROSS, LOAD_REALLOC, LOAD_EMPTY };

/* A depth counts the load program's frames: main, the worker, the tree's levels, the leaf. */
enum { LOAD_DEPTH_MIN = 3, LOAD_DEPTH_MAX = 4000, LOAD_THREADS_MAX = 4096 };

struct load {
    enum load_mode mode;
    enum load_branch branch;
    uint64_t pairs;   /* of all threads together; rounded up to the same number for each */
    uint64_t warm_up; /* pairs before the timed ones */
    unsigned threads;
    unsigned depth;
    uint64_t sites; /* call paths, drawn at random for each pair */
    uint64_t live;  /* blocks that each thread keeps; 0: each is freed where it was made */
};

struct load_result {
    uint64_t pairs;
    uint64_t checksum;       /* of sizes and paths: the same for each run */
    double ns_per_pair;      /* wall time x cores in use / pairs, net of the loop alone */
    double cpu_ns_per_pair;  /* CPU time of the threads / pairs, net of the loop alone */
    double loop_ns_per_pair; /* wall time as above of the loop alone */
};

void load_run(const struct load *load, struct load_result *ret_result);

#endif
