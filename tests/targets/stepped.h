/*
 * stepped - what target_stepped and the driver that steps it share: one page, and the words of the
 * command line.
 */
#ifndef STEPPED_H
#define STEPPED_H

#include <stdint.h>

enum {
    STEPPED_ALLOCATE = 'a',
    STEPPED_FORK_EXIT = 'f',
    STEPPED_FORK_RETURN = 'r',
    STEPPED_JUMP = 'j'
};

/* What a process did, told after each call has returned. */
struct stepped_counts {
    volatile uint64_t allocs;
    volatile uint64_t frees;
    volatile uint64_t bytes;
};

struct stepped_page {
    struct stepped_counts parent;
    struct stepped_counts child;
    volatile uint32_t handled; /* times that the signal handler ran */
};

#endif
