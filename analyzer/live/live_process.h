/*
 * live_process - the kernel's view of a recorded process: alive, resident memory, page faults.
 * Owner: none.   Threads: any.   Units: bytes; faults since the process began.
 */
#ifndef ALLOCTRAP_LIVE_PROCESS_H
#define ALLOCTRAP_LIVE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* A descriptor that polls readable once pid is gone; -1: no such process, or none to be had. */
int live_process_open(uint32_t pid);
bool live_process_is_gone(uint32_t pid, int pid_fd);

/* False when no process that was started after pid is there, as far as numbers have not gone around
 * since; true when one is, be it whose it may, or it cannot be told. */
bool live_process_any_since(uint32_t pid);

/* True unless pid can be looked at and has no such file mapped: it runs another program by now, or
 * the pid is another process's (a pid namespace, a number used again). */
bool live_process_may_map(uint32_t pid, const char *file_name);

/* The number by which we know the process that calls itself pid (0 and what cannot be one: it does
 * not know) in the namespace with this inode (0: unknown, taken for ours) and has the file mapped;
 * 0 when there is none. */
uint32_t live_process_find(uint32_t pid, uint64_t pid_namespace, const char *file_name);

/* Some process that we can look at has the file mapped. */
bool live_process_any_maps(const char *file_name);

bool live_process_sample(uint32_t pid, uint64_t *ret_rss_bytes, uint64_t *ret_faults);

#endif
