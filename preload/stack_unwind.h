/*
 * stack_unwind - libunwind, the oracle that the walk is measured against.
 * Not for: normal recording. libunwind takes the loader's locks and wants kilobytes of stack, so it
 * is loaded in the UNWIND and COMPARE modes alone, RTLD_LOCAL: its _Unwind_* names never become
 * the host's.
 * Owner:   the process.   Threads: any, after stack_unwind_start().   Signals: not safe.
 * Memory:  libunwind's own mappings.   Errno: may change; stack_capture() keeps the host's.
 */
#ifndef ALLOCTRAP_STACK_UNWIND_H
#define ALLOCTRAP_STACK_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

/* COLD. Loads libunwind; false when it is not installed. */
bool stack_unwind_start(void);

/* libunwind's. Return addresses from the frame whose pc is `pc` outward, innermost first; the
 * number found, 0 without libunwind or where it does not see that frame. */
uint32_t stack_unwind_from(uintptr_t pc, uintptr_t *frames, uint32_t frames_max,
                           uintptr_t **ret_first);

/* One stack counted; `is_different` ones are shown on stderr, the first few of them. Frames are
 * innermost first. */
void stack_unwind_judge(bool is_different, const uintptr_t *walked, uint32_t walked_count,
                        const uintptr_t *unwound, uint32_t unwound_count);

/* COLD. What stack_unwind_judge() counted. */
void stack_unwind_counts(uint32_t *ret_compared, uint32_t *ret_different);

#endif
