#include "stack_eval.h"

enum { EVAL_STEPS_MAX = 64 /* branches may go back: an end is certain */ };

/* DW_OP_* */
enum {
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08,
    OP_CONST1S = 0x09,
    OP_CONST2U = 0x0a,
    OP_CONST2S = 0x0b,
    OP_CONST4U = 0x0c,
    OP_CONST4S = 0x0d,
    OP_CONST8U = 0x0e,
    OP_CONST8S = 0x0f,
    OP_CONSTU = 0x10,
    OP_CONSTS = 0x11,
    OP_DUP = 0x12,
    OP_DROP = 0x13,
    OP_OVER = 0x14,
    OP_SWAP = 0x16,
    OP_AND = 0x1a,
    OP_MINUS = 0x1c,
    OP_MUL = 0x1e,
    OP_NEG = 0x1f,
    OP_NOT = 0x20,
    OP_OR = 0x21,
    OP_PLUS = 0x22,
    OP_PLUS_UCONST = 0x23,
    OP_SHL = 0x24,
    OP_SHR = 0x25,
    OP_SHRA = 0x26,
    OP_XOR = 0x27,
    OP_BRA = 0x28,
    OP_EQ = 0x29,
    OP_GE = 0x2a,
    OP_GT = 0x2b,
    OP_LE = 0x2c,
    OP_LT = 0x2d,
    OP_NE = 0x2e,
    OP_SKIP = 0x2f,
    OP_LIT0 = 0x30,
    OP_LIT31 = 0x4f,
    OP_BREG0 = 0x70,
    OP_BREG31 = 0x8f,
    OP_BREGX = 0x92,
    OP_NOP = 0x96
};

static bool push(struct stack_eval *e, uint64_t value)
{
    if (e->depth == STACK_EVAL_WORDS) {
        return false;
    }
    e->stack[e->depth++] = value;
    return true;
}

/* Operations on the two topmost; the lower one is `a`. */
static bool binary(struct stack_eval *e, uint8_t op)
{
    if (e->depth < 2) {
        return false;
    }
    uint64_t b = e->stack[--e->depth];
    uint64_t *a = &e->stack[e->depth - 1];
    switch (op) {
    case OP_AND:
        *a &= b;
        return true;
    case OP_OR:
        *a |= b;
        return true;
    case OP_XOR:
        *a ^= b;
        return true;
    case OP_PLUS:
        *a += b;
        return true;
    case OP_MINUS:
        *a -= b;
        return true;
    case OP_MUL:
        *a *= b;
        return true;
    case OP_SHL:
        *a = b < 64 ? *a << b : 0;
        return true;
    case OP_SHR:
        *a = b < 64 ? *a >> b : 0;
        return true;
    case OP_SHRA:
        *a = (uint64_t)((int64_t)*a >> (b < 63 ? b : 63));
        return true;
    default:
        return false;
    }
}

static bool compare(struct stack_eval *e, uint8_t op)
{
    if (e->depth < 2) {
        return false;
    }
    int64_t b = (int64_t)e->stack[--e->depth];
    int64_t a = (int64_t)e->stack[e->depth - 1];
    bool is_true = (op == OP_EQ && a == b) || (op == OP_NE && a != b) || (op == OP_GE && a >= b) ||
                   (op == OP_GT && a > b) || (op == OP_LE && a <= b) || (op == OP_LT && a < b);
    e->stack[e->depth - 1] = is_true;
    return true;
}

static bool constant(struct stack_eval *e, uint8_t op)
{
    struct stack_cfi_reader *r = &e->r;
    switch (op) {
    case OP_CONST1U:
        return push(e, stack_cfi_u8(r));
    case OP_CONST1S:
        return push(e, (uint64_t)(int8_t)stack_cfi_u8(r));
    case OP_CONST2U:
        return push(e, stack_cfi_u16(r));
    case OP_CONST2S:
        return push(e, (uint64_t)(int16_t)stack_cfi_u16(r));
    case OP_CONST4U:
        return push(e, stack_cfi_u32(r));
    case OP_CONST4S:
        return push(e, (uint64_t)(int32_t)stack_cfi_u32(r));
    case OP_CONST8U:
    case OP_CONST8S:
        return push(e, stack_cfi_u64(r));
    case OP_CONSTU:
        return push(e, stack_cfi_uleb(r));
    default:
        return push(e, (uint64_t)stack_cfi_sleb(r));
    }
}

/* Operations on the topmost value, and those that move the stack about. */
static bool unary(struct stack_eval *e, uint8_t op)
{
    if (e->depth == 0) {
        return false;
    }
    uint64_t *top = &e->stack[e->depth - 1];
    switch (op) {
    case OP_DEREF:
        return e->source->load(e->source->context, *top, top);
    case OP_DUP:
        return push(e, *top);
    case OP_DROP:
        e->depth--;
        return true;
    case OP_OVER:
        return e->depth >= 2 && push(e, e->stack[e->depth - 2]);
    case OP_SWAP:
        if (e->depth < 2) {
            return false;
        }
        uint64_t below = top[-1];
        top[-1] = *top;
        *top = below;
        return true;
    case OP_NEG:
        *top = -*top;
        return true;
    case OP_NOT:
        *top = ~*top;
        return true;
    case OP_PLUS_UCONST:
        *top += stack_cfi_uleb(&e->r);
        return true;
    default:
        return false;
    }
}

static bool base_register(struct stack_eval *e, uint8_t op)
{
    uint64_t reg = op == OP_BREGX ? stack_cfi_uleb(&e->r) : (uint64_t)(op - OP_BREG0);
    uint64_t off = (uint64_t)stack_cfi_sleb(&e->r);
    uint64_t value = 0;
    return reg < STACK_CFI_REGS && e->source->reg(e->source->context, (unsigned)reg, &value) &&
           push(e, value + off);
}

static bool jump(struct stack_eval *e, uint8_t op)
{
    intptr_t by = (int16_t)stack_cfi_u16(&e->r);
    if (op == OP_BRA) {
        if (e->depth == 0) {
            return false;
        }
        if (e->stack[--e->depth] == 0) {
            return true;
        }
    }
    uintptr_t to = e->r.at + (uintptr_t)by;
    if (to < e->begin || to > e->r.end) {
        return false;
    }
    e->r.at = to;
    return true;
}

static bool step(struct stack_eval *e)
{
    uint8_t op = stack_cfi_u8(&e->r);
    if (op >= OP_LIT0 && op <= OP_LIT31) {
        return push(e, (uint64_t)(op - OP_LIT0));
    }
    if ((op >= OP_BREG0 && op <= OP_BREG31) || op == OP_BREGX) {
        return base_register(e, op);
    }
    if (op >= OP_CONST1U && op <= OP_CONSTS) {
        return constant(e, op);
    }
    if (op >= OP_EQ && op <= OP_NE && op != OP_SKIP) {
        return compare(e, op);
    }
    if (op == OP_BRA || op == OP_SKIP) {
        return jump(e, op);
    }
    if (op == OP_NOP) {
        return true;
    }
    bool is_unary = op <= OP_SWAP || op == OP_NEG || op == OP_NOT || op == OP_PLUS_UCONST;
    return is_unary ? unary(e, op) : binary(e, op);
}

bool stack_eval(struct stack_eval *e, const struct stack_cfi_object *object, uintptr_t block,
                const struct stack_eval_source *source, const uint64_t *first, uint64_t *ret_value)
{
    e->depth = 0;
    e->source = source;
    e->r = (struct stack_cfi_reader){block, object->end, block < object->start};
    uint64_t len = stack_cfi_uleb(&e->r);
    if (e->r.is_bad || len > e->r.end - e->r.at) {
        return false;
    }
    e->begin = e->r.at;
    e->r.end = e->r.at + len;
    if (first != NULL && !push(e, *first)) {
        return false;
    }
    for (unsigned steps = 0; e->r.at < e->r.end; steps++) {
        if (steps == EVAL_STEPS_MAX || !step(e) || e->r.is_bad) {
            return false;
        }
    }
    if (e->depth == 0) {
        return false;
    }
    *ret_value = e->stack[e->depth - 1];
    return true;
}
