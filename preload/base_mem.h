/*
 * base_mem - anonymous memory for ourselves, outside the host's heap.
 * Errno: never touched.
 */
#ifndef ALLOCTRAP_BASE_MEM_H
#define ALLOCTRAP_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PURE. step is a power of two. */
static inline uint64_t mem_round_up(uint64_t bytes, uint64_t step)
{
    return (bytes + step - 1) & ~(step - 1);
}

/* COLD. Zeroed, page-aligned; NULL when the host's limits refuse. */
void *mem_map(size_t bytes);
/* COLD. NULL is fine. */
void mem_unmap(void *at, size_t bytes);
/* COLD. The child of a fork finds the pages zeroed; false before Linux 4.14. */
bool mem_wipe_on_fork(void *at, size_t bytes);
/* COLD. Takes the page faults now instead of one by one in hooks. 0 when all pages are there to be
 * written to; of a file's mapping they then have their space. Else a negative errno: -EINVAL before
 * Linux 5.14, -EFAULT where the file system is full. */
long mem_populate(void *at, size_t bytes);

#endif
