/*
 * stack_eval - a DWARF expression of the unwind tables, evaluated within bounds.
 * Not for: location lists, pieces, calls; what it does not know it refuses.
 * Owner:   its state is the caller's scratch memory, never on the host's stack.
 * Threads: any.   Signals: safe.   Memory: none.   Errno: never touched.
 */
#ifndef ALLOCTRAP_STACK_EVAL_H
#define ALLOCTRAP_STACK_EVAL_H

#include "stack_cfi.h"

/* Where values come from: each answers false for what is not known, and the evaluation ends. */
struct stack_eval_source {
    void *context;
    bool (*reg)(void *context, unsigned reg, uint64_t *ret_value);
    bool (*load)(void *context, uintptr_t addr, uint64_t *ret_value);
};

enum { STACK_EVAL_WORDS = 8 /* PLT entries need 4, signal frames 2 */ };

/* One evaluation under way. */
struct stack_eval {
    uint64_t stack[STACK_EVAL_WORDS];
    unsigned depth;
    uintptr_t begin;
    struct stack_cfi_reader r;
    const struct stack_eval_source *source;
};

/* HOT. Evaluates the block (uleb length, then bytes) at `block` inside the object; `first`, where
 * not NULL, is pushed before. False: damaged, unknown, or too long. */
bool stack_eval(struct stack_eval *scratch, const struct stack_cfi_object *object, uintptr_t block,
                const struct stack_eval_source *source, const uint64_t *first, uint64_t *ret_value);

#endif
