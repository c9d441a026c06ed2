/*
 * stack_rule - a code address -> how to find its caller's frame, in one word.
 * The rule comes from .eh_frame (stack_cfi) once and is then kept in a table of the process.
 * Not for: applying a rule; what does not fit the word is named by its FDE and read again.
 * Owner:   the process; the table is static, of a fixed size, and refilled after each epoch.
 * Threads: any, no locks: a reader who meets a writer sees a miss, never half a rule.
 * Signals: safe.   Memory: 512 KiB of zero pages, touched as needed.   Errno: never touched.
 */
#ifndef ALLOCTRAP_STACK_RULE_H
#define ALLOCTRAP_STACK_RULE_H

#include "base_local.h"
#include "stack_cfi.h"

#include <stdatomic.h>

enum stack_rule_kind {
    STACK_RULE_NONE = 0,      /* no object is known there */
    STACK_RULE_SP = 1,        /* CFA = sp + constant (above 0, whole words), pc at CFA - 8 */
    STACK_RULE_BP = 2,        /* CFA = bp + constant, pc at CFA - 8 */
    STACK_RULE_OUTERMOST = 3, /* the tables say: nobody called this */
    STACK_RULE_TABLE = 4,     /* anything else: the FDE must be run again */
    STACK_RULE_NO_TABLE = 5   /* an object is, but its tables do not cover the address */
};

/*
 * A rule in a word; 0 = STACK_RULE_NONE.
 *   bits 0..2  enum stack_rule_kind
 *   bit  3     a signal frame: the pc of the frame beyond is exact
 *   bit  4     (SP, BP) the caller's bp was saved at CFA + bp offset; else it is still in bp
 *   bits 5..7  0; whoever keeps a frame's rule has room there for the frame's flags
 *   bits 8..31 (SP, BP) bp offset, signed;   bits 32..63 (SP, BP) CFA's constant, signed
 *   bits 16..63 (TABLE) address of the FDE
 */
typedef uint64_t stack_rule;

enum {
    STACK_RULE_KINDS = 7,
    STACK_RULE_SIGNAL = 8,
    STACK_RULE_SAVES_BP = 16,
    STACK_RULE_FLAGS_SHIFT = 5
};

/* (SP, BP) What says where bp is. */
#define STACK_RULE_BP_PART UINT64_C(0xFFFFFF10)

/* PURE. flags: enum session_node_flag. */
static inline stack_rule stack_rule_with_flags(stack_rule rule, uint32_t flags)
{
    return rule | (stack_rule)flags << STACK_RULE_FLAGS_SHIFT;
}
/* PURE. */
static inline uint32_t stack_rule_flags(stack_rule rule)
{
    return (uint32_t)(rule >> STACK_RULE_FLAGS_SHIFT) & 7U;
}
/* PURE. */
static inline enum stack_rule_kind stack_rule_kind(stack_rule rule)
{
    return (enum stack_rule_kind)(rule & STACK_RULE_KINDS);
}
/* PURE. A constant beyond sp leads to the caller, and no signal was there. */
static inline bool stack_rule_is_plain(stack_rule rule)
{
    return (rule & (STACK_RULE_KINDS | STACK_RULE_SIGNAL)) == STACK_RULE_SP;
}
/* PURE. A constant beyond bp does, and no signal was there. */
static inline bool stack_rule_is_by_bp(stack_rule rule)
{
    return (rule & (STACK_RULE_KINDS | STACK_RULE_SIGNAL)) == STACK_RULE_BP;
}
/* PURE. */
static inline uintptr_t stack_rule_cfa_off(stack_rule rule)
{
    return (uintptr_t)((int64_t)rule >> 32);
}
/* PURE. */
static inline uintptr_t stack_rule_bp_off(stack_rule rule)
{
    return (uintptr_t)((int64_t)(rule << 32) >> 40);
}
/* PURE. */
static inline uintptr_t stack_rule_fde(stack_rule rule)
{
    return (uintptr_t)(rule >> 16);
}

/* PURE. The word for the row that a machine has just computed from `fde`. */
stack_rule stack_rule_pack(const struct stack_cfi_machine *machine, uintptr_t fde);

/* HOT. The rule for code at pc: for a return address pass pc - 1. */
stack_rule stack_rule_find(struct stack_cfi_machine *machine, uintptr_t pc, uint32_t epoch);

/* stack_rule.c's alone to write. */
LOCAL extern _Atomic uint32_t stack_rule_epoch_now;

enum {
    STACK_RULE_PC_BITS = 47, /* user addresses of x86-64; the rest of a key is the epoch */
    STACK_RULE_EPOCHS = 1 << (64 - STACK_RULE_PC_BITS)
};

/* HOT. The epoch to look up under; read once for each walk. */
static inline uint32_t stack_rule_epoch(void)
{
    /* Acquire; pairs with the release in stack_rule_forget(). */
    return atomic_load_explicit(&stack_rule_epoch_now, memory_order_acquire) % STACK_RULE_EPOCHS;
}

/* HOT. A library was closed: rules found under earlier epochs are void. */
void stack_rule_forget(void);

#endif
