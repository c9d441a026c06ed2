/*
 * stack_walk - the call stack of this very call, as cheaply as it can be had.
 * Not for: other threads' stacks, names, sources. Frames are return addresses.
 * Owner:   one struct stack_state per thread, in that thread's scratch memory.
 * Threads: a state is used by its thread alone.   Signals: hook_guard turns nested hooks away.
 * Memory:  the state alone; at most 1 KiB of the host's stack.   Errno: never touched.
 */
#ifndef ALLOCTRAP_STACK_WALK_H
#define ALLOCTRAP_STACK_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "alloctrap/session.h"
#include "stack_bounds.h"

struct stack_mend;
struct stack_state;

/* Numbers that the caller gives to frames, by index from the outermost. The first `count` stand for
 * these very frames of the last capture and all that is outward of them; stack_forget() and every
 * change of a frame take it down. */
struct stack_names {
    uint32_t count;
    uint32_t ids[SESSION_DEPTH_MAX];
};

/* What a hook knows of its caller without a library. */
struct stack_at {
    uintptr_t pc; /* return address of the hook */
    uintptr_t sp; /* caller's stack pointer after the return: the hook's CFA */
    uintptr_t bp; /* caller's rbp at the call */
};

/* PURE. Bytes of a state; the caller brings that much 64-byte aligned memory, zeroed or a former
 * state: its pages are touched as they are used. */
size_t stack_state_bytes(void);

/* COLD. mode: enum session_stacks_by; depth_max: frames kept, innermost; home: memory of the
 * thread's own stack, all of which above a stack pointer in it is there as long as the thread is.
 */
void stack_state_init(struct stack_state *state, uint32_t mode, uint32_t depth_max,
                      struct stack_range home);

/* COLD. Once in a process, before the first capture, from the constructor or the first hook. */
void stack_start(uint32_t mode);

/* HOT. The module epoch moved (a library was closed): joins and rules of before are void. */
void stack_forget(struct stack_state *state);

/* PURE. The last walk, for stack_mend_again(). */
struct stack_mend *stack_last_walk(struct stack_state *state);

/* HOT. stack_mend_again() has just not told it: what stack_note() noted of the stack of a call at
 * (pc, sp, bp), or NULL; then stack_capture() walks it. This is no capture: the last one's frames
 * stay. */
void *stack_known(struct stack_state *state, uintptr_t pc, uintptr_t sp, uintptr_t bp);

/* HOT. For the stack that has just been captured, because stack_known() did not know it. */
void stack_note(struct stack_state *state, void *note);

/* HOT. Walks the stack of `at`. Never fails: at worst the stack is one frame, CUT. */
void stack_capture(struct stack_state *state, const struct stack_at *at);

/* HOT. The identity of the last capture: of its frames, their order and flags. */
uint64_t stack_identity(const struct stack_state *state);

/* HOT. Frames of the last capture; at least 1. */
uint32_t stack_depth(const struct stack_state *state);

/* HOT. The caller sets ids beyond the count, and then the count: at most stack_depth(). */
struct stack_names *stack_names(struct stack_state *state);

/* HOT. Frame i of the last capture, 0 = outermost; *ret_flags: enum session_node_flag. */
uintptr_t stack_frame(const struct stack_state *state, uint32_t i, uint32_t *ret_flags);

/* COLD. Stacks compared and found different in SESSION_STACKS_COMPARE mode, process-wide. */
void stack_compared(uint32_t *ret_compared, uint32_t *ret_different);

#endif
