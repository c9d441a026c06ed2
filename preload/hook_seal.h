/*
 * hook_seal - the host gives system calls up (seccomp): from then on we make none.
 * Not for: a filter that was there before the program started, which is met as it comes; one that
 * is installed without libc, by a system call instruction of the host's own. Owner:   the process;
 * a filter of one thread seals us in all. Threads: all.   Signals: safe.   Errno: never touched.
 */
#ifndef ALLOCTRAP_HOOK_SEAL_H
#define ALLOCTRAP_HOOK_SEAL_H

#include <stdbool.h>

/* PURE. A system call with these first arguments installs a filter, or is a try to. */
bool hook_seal_is_meant(long number, long first);
/* PURE. After such a call the processor's clock may be closed to us: strict mode takes it away. */
bool hook_seal_takes_clock(long number, long first, long second);
/* COLD. Before such a call: stocks up on memory, then seals. */
void hook_seal(void);
/* COLD. Before the clock is taken, or would need system calls. */
void hook_seal_clock(void);
/* COLD. At a process's start: whether it is behind a filter already, or nobody can tell. */
bool hook_seal_was_there(void);
/* COLD. After it failed. */
void hook_seal_undo(void);

#endif
