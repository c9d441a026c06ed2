/*
 * counts - what a target did itself, told on standard output as "allocs=A frees=F bytes=B", one
 * line for each process. It allocates nothing: no stdio stream is touched.
 */
#ifndef COUNTS_H
#define COUNTS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic unsigned long long counts_allocs;
static _Atomic unsigned long long counts_frees;
static _Atomic unsigned long long counts_bytes;

static inline void *counts_block(void *ptr, size_t size)
{
    if (ptr == NULL) {
        _exit(99);
    }
    counts_allocs++;
    counts_bytes += size;
    return ptr;
}

static inline void counts_free(void)
{
    counts_frees++;
}

/* A child starts from nothing: what its parent did is its parent's. */
static inline void counts_reset(void)
{
    counts_allocs = 0;
    counts_frees = 0;
    counts_bytes = 0;
}

static inline void counts_tell(void)
{
    char line[128];
    int len = snprintf(line, sizeof line, "allocs=%llu frees=%llu bytes=%llu\n", counts_allocs,
                       counts_frees, counts_bytes);
    if (write(STDOUT_FILENO, line, (size_t)len) != len) {
        _exit(98);
    }
}

#endif
