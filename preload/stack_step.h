/*
 * stack_step - from a frame to its caller's frame: one rule applied.
 * Not for: remembering stacks; the walk does that and hands in what it knows of inner frames.
 * Owner:   part of struct stack_state.   Threads: one.   Signals: safe.
 * Memory:  scratch in the stepper, little of the host's stack.   Errno: never touched.
 * Safety:  memory is read only where stack_bounds says so.
 */
#ifndef ALLOCTRAP_STACK_STEP_H
#define ALLOCTRAP_STACK_STEP_H

#include "stack_bounds.h"
#include "stack_cfi.h"
#include "stack_eval.h"
#include "stack_rule.h"

/* Where a frame's bp is when nobody knows: not in the register, not in memory. */
#define STACK_BP_LOST UINTPTR_MAX
/* It is still in the register: the value that the hook found. */
#define STACK_BP_REGISTER ((uintptr_t)0)

struct stack_cursor {
    uintptr_t pc;
    uintptr_t sp;    /* after the return into this frame: the callee's CFA */
    uintptr_t bp_at; /* address that holds this frame's bp, or one of the two above */
    uint32_t flags;  /* SESSION_NODE_EXACT_PC, SESSION_NODE_GUESSED */
    bool is_special; /* found by more than sp, a constant and the return address */
};

enum stack_step_result {
    STACK_STEP_FRAME, /* the caller's frame was found */
    STACK_STEP_END,   /* there is no caller: the stack is complete */
    STACK_STEP_CUT    /* there may be one; it cannot be found */
};

/* The n-th frame inwards of the one being stepped from (0 = itself); false beyond the innermost. */
typedef bool (*stack_step_inner)(const void *context, uint32_t n, struct stack_cursor *ret_frame);

struct stack_stepper {
    uintptr_t bp;     /* the register bp at the hook */
    uint32_t epoch;   /* for stack_rule_find() */
    bool has_crossed; /* the walk has left the stack that it began on */
    struct stack_bounds bounds;
    stack_step_inner inner;
    const void *inner_context;
    struct stack_cfi_machine machine;
    /* While a frame is stepped from by its table: */
    const struct stack_cursor *from; /* whose registers an expression asks for */
    uint64_t cfa;                    /* of that frame */
    uintptr_t saved_at;              /* where it keeps a register of its caller's */
    struct stack_eval_source source;
    struct stack_eval eval;
    unsigned wanted; /* a register that was asked for before it was looked for; STACK_CFI_NO_REG */
    uint32_t sought; /* bit n: register n was looked for */
    uint32_t found;  /* bit n: and is in regs[n] */
    uint64_t regs[STACK_CFI_REGS];
    struct stack_cursor inner_frame;
    struct stack_cfi_machine inner_machine;
};

/* PURE. The address to look up for a frame: a return address lies behind its call. */
static inline uintptr_t stack_step_lookup_pc(uintptr_t pc, uint32_t flags)
{
    return pc - !(flags & 1U); /* SESSION_NODE_EXACT_PC */
}

/* HOT. Reads 8 bytes of a stack; false where they may not be read. */
bool stack_step_load(struct stack_stepper *stepper, uintptr_t addr, uintptr_t *ret_value);

/* HOT. The bp of a frame that has it at bp_at; false when it is lost. */
bool stack_step_load_bp(struct stack_stepper *stepper, uintptr_t bp_at, uintptr_t *ret_bp);

/* HOT. The caller of `from`, whose rule is `rule`. */
enum stack_step_result stack_step(struct stack_stepper *stepper, const struct stack_cursor *from,
                                  stack_rule rule, struct stack_cursor *ret_to);

/* HOT. stack_step() in place, *at to its caller, where a constant beyond sp leads to it on the same
 * stack: nearly always in optimised code. False: nothing was done. */
static inline bool stack_step_plainly(const struct stack_stepper *stepper, struct stack_cursor *at,
                                      stack_rule rule)
{
    uintptr_t cfa = at->sp + stack_rule_cfa_off(rule);
    if (!stack_rule_is_plain(rule) ||
        cfa > stepper->bounds.now.high) { /* and at->sp is above its low end */
        return false;
    }
    uintptr_t pc = *(const uintptr_t *)(cfa - 8);
    if (pc == 0) {
        return false;
    }
    at->pc = pc;
    at->sp = cfa;
    if ((rule & STACK_RULE_SAVES_BP) != 0) {
        at->bp_at = cfa + stack_rule_bp_off(rule);
    }
    at->flags = 0;
    at->is_special = false;
    return true;
}

/* HOT. The same where a constant beyond bp leads to it, as in code that keeps frame pointers. */
static inline bool stack_step_by_bp(const struct stack_stepper *stepper, struct stack_cursor *at,
                                    stack_rule rule)
{
    uintptr_t cfa = stepper->bp + stack_rule_cfa_off(rule);
    if (!stack_rule_is_by_bp(rule)) {
        return false;
    }
    if (at->bp_at != STACK_BP_REGISTER) {
        if (!stack_bounds_has(&stepper->bounds, at->bp_at)) {
            return false;
        }
        cfa = *(const uintptr_t *)at->bp_at + stack_rule_cfa_off(rule);
    }
    if (cfa <= at->sp || cfa > stepper->bounds.now.high || *(const uintptr_t *)(cfa - 8) == 0) {
        return false;
    }
    at->pc = *(const uintptr_t *)(cfa - 8);
    at->sp = cfa;
    if ((rule & STACK_RULE_SAVES_BP) != 0) {
        at->bp_at = cfa + stack_rule_bp_off(rule);
    }
    at->flags = 0;
    at->is_special = true;
    return true;
}

#endif
