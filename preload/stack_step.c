#include "stack_step.h"

#include "alloctrap/session.h"
#include "stack_eval.h"

enum { STEP_CODE_MIN = 0x10000 }; /* below is no code: vm.mmap_min_addr */

_Static_assert(SESSION_NODE_EXACT_PC == 1, "stack_step_lookup_pc() takes the flag as a number");

static uintptr_t word_at(uintptr_t addr)
{
    struct unaligned {
        uintptr_t word;
    } __attribute__((packed, may_alias));
    return ((const struct unaligned *)addr)->word;
}

bool stack_step_load(struct stack_stepper *s, uintptr_t addr, uintptr_t *ret_value)
{
    if (!stack_bounds_has(&s->bounds, addr) && !stack_bounds_reach(&s->bounds, addr) &&
        !stack_bounds_knows(&s->bounds, addr)) {
        return false;
    }
    *ret_value = word_at(addr);
    return true;
}

bool stack_step_load_bp(struct stack_stepper *s, uintptr_t bp_at, uintptr_t *ret_bp)
{
    if (bp_at == STACK_BP_REGISTER) {
        *ret_bp = s->bp;
        return true;
    }
    return bp_at != STACK_BP_LOST && stack_step_load(s, bp_at, ret_bp);
}

static bool source_load(void *context, uintptr_t addr, uint64_t *ret_value)
{
    return stack_step_load(context, addr, ret_value);
}

/* A frame's own pc and sp are known; nothing else, for frames further in. */
static bool inner_reg(void *context, unsigned reg, uint64_t *ret_value)
{
    const struct stack_stepper *s = context;
    *ret_value = reg == STACK_CFI_PC ? s->from->pc : s->from->sp;
    return reg == STACK_CFI_PC || reg == STACK_CFI_SP;
}

/* Of the frame that is stepped from. A register that was not looked for yet is noted as wanted: it
 * is sought when the evaluation has left the host's stack, and then all is asked again. */
static bool source_reg(void *context, unsigned reg, uint64_t *ret_value)
{
    struct stack_stepper *s = context;
    if (reg == STACK_CFI_BP) {
        return stack_step_load_bp(s, s->from->bp_at, ret_value);
    }
    if (inner_reg(context, reg, ret_value)) {
        return true;
    }
    s->wanted = (s->sought >> reg & 1) != 0 ? s->wanted : reg;
    *ret_value = s->regs[reg];
    return (s->found >> reg & 1) != 0;
}

/* The expression at `block` of the object of m, the CFA before it. */
static bool evaluate(struct stack_stepper *s, const struct stack_cfi_machine *m, uintptr_t block,
                     uintptr_t *ret_value)
{
    return stack_eval(&s->eval, &m->object, block, &s->source, &s->cfa, ret_value);
}

/* Where s->inner_frame keeps its caller's register, in s->saved_at; 0: it left it alone. */
static bool find_saved(struct stack_stepper *s, unsigned reg)
{
    struct stack_cfi_machine *m = &s->inner_machine;
    uintptr_t pc = stack_step_lookup_pc(s->inner_frame.pc, s->inner_frame.flags);
    if (!stack_cfi_object_at(pc, &m->object) ||
        !stack_cfi_run(m, stack_cfi_find(&m->object, pc), pc)) {
        return false;
    }
    s->saved_at = s->cfa + (uintptr_t)m->row.value[reg];
    switch (m->row.how[reg]) {
    case STACK_CFI_SAME:
        s->saved_at = 0;
        return true;
    case STACK_CFI_AT_CFA:
        return true;
    case STACK_CFI_AT_EXPR:
        return evaluate(s, m, (uintptr_t)m->row.value[reg], &s->saved_at);
    default:
        return false;
    }
}

/*
 * A register that the walk does not carry along (rbx under a lazy binding, anything under a
 * signal): the nearest inner frame that saved it has it. None did: it is in the register, which our
 * own code has long used, so it is lost.
 */
__attribute__((noinline)) static void seek(struct stack_stepper *s, unsigned reg)
{
    s->sought |= UINT32_C(1) << reg;
    s->source.reg = inner_reg;
    s->from = &s->inner_frame;
    s->saved_at = 0;
    bool is_there = s->inner(s->inner_context, 0, &s->inner_frame);
    for (uint32_t n = 1; is_there && s->saved_at == 0; n++) {
        s->cfa = s->inner_frame.sp;
        is_there = s->inner(s->inner_context, n, &s->inner_frame) &&
                   (s->inner_frame.flags & SESSION_NODE_GUESSED) == 0 && find_saved(s, reg);
    }
    if (is_there && stack_step_load(s, s->saved_at, &s->regs[reg])) {
        s->found |= UINT32_C(1) << reg;
    }
}

/* Where the row in the machine keeps the caller's `reg`; false when it is no place in memory. */
static bool saved_address(struct stack_stepper *s, unsigned reg, uintptr_t *ret_addr)
{
    const struct stack_cfi_row *row = &s->machine.row;
    if (row->how[reg] == STACK_CFI_AT_EXPR) {
        return evaluate(s, &s->machine, (uintptr_t)row->value[reg], ret_addr);
    }
    *ret_addr = s->cfa + (uintptr_t)row->value[reg];
    return row->how[reg] == STACK_CFI_AT_CFA;
}

/* The caller's `reg` by the row in the machine, where it is saved or computed. */
static bool saved_value(struct stack_stepper *s, unsigned reg, uintptr_t *ret_value)
{
    const struct stack_cfi_row *row = &s->machine.row;
    switch (row->how[reg]) {
    case STACK_CFI_IS_CFA:
        *ret_value = s->cfa + (uintptr_t)row->value[reg];
        return true;
    case STACK_CFI_IN_REG:
        return (uint64_t)row->value[reg] < STACK_CFI_REGS &&
               source_reg(s, (unsigned)row->value[reg], ret_value);
    case STACK_CFI_IS_EXPR:
        return evaluate(s, &s->machine, (uintptr_t)row->value[reg], ret_value);
    default:
        return saved_address(s, reg, &s->saved_at) && stack_step_load(s, s->saved_at, ret_value);
    }
}

/* The row's CFA, in s->cfa. */
static bool find_cfa(struct stack_stepper *s)
{
    const struct stack_cfi_row *row = &s->machine.row;
    if (row->cfa_reg == STACK_CFI_NO_REG) {
        return stack_eval(&s->eval, &s->machine.object, row->cfa_expr, &s->source, NULL, &s->cfa);
    }
    if (!source_reg(s, row->cfa_reg, &s->cfa)) {
        return false;
    }
    s->cfa += (uintptr_t)row->cfa_off;
    return true;
}

/* True when sp, found beyond a frame at `below`, can be worked with: higher up on this stack, or on
 * another one (signal handlers have their own, and some code swaps rsp). */
static bool accept_sp(struct stack_stepper *s, uintptr_t below, uintptr_t sp, bool is_signal)
{
    if (sp > below && stack_bounds_reach(&s->bounds, sp - 8)) {
        return true;
    }
    if (sp < STEP_CODE_MIN || (sp & 7) != 0 || (stack_bounds_has(&s->bounds, sp) && !is_signal)) {
        return false;
    }
    s->has_crossed = true;
    (void)stack_bounds_enter(&s->bounds, sp - 8);
    return stack_bounds_has(&s->bounds, sp - 8);
}

/* The caller by the row in the machine; false: something that it asks for is not known, and may
 * be wanted. */
static bool apply_row(struct stack_stepper *s, struct stack_cursor *to)
{
    if (!find_cfa(s) || !saved_value(s, STACK_CFI_PC, &to->pc)) {
        return false;
    }
    to->sp = s->cfa;
    to->bp_at = s->from->bp_at;
    if (s->machine.row.how[STACK_CFI_SP] != STACK_CFI_SAME &&
        !saved_value(s, STACK_CFI_SP, &to->sp)) {
        return false;
    }
    if (s->machine.row.how[STACK_CFI_BP] != STACK_CFI_SAME &&
        !saved_address(s, STACK_CFI_BP, &to->bp_at)) {
        to->bp_at = STACK_BP_LOST;
        return s->wanted == STACK_CFI_NO_REG;
    }
    return true;
}

static void begin_row(struct stack_stepper *s, const struct stack_cursor *from)
{
    s->source = (struct stack_eval_source){s, source_reg, source_load};
    s->from = from;
    s->wanted = STACK_CFI_NO_REG;
}

__attribute__((noinline)) static enum stack_step_result step_table(struct stack_stepper *s,
                                                                   const struct stack_cursor *from,
                                                                   stack_rule rule,
                                                                   struct stack_cursor *to)
{
    uintptr_t pc = stack_step_lookup_pc(from->pc, from->flags);
    if (!stack_cfi_object_at(pc, &s->machine.object) ||
        !stack_cfi_run(&s->machine, stack_rule_fde(rule), pc)) {
        return STACK_STEP_CUT;
    }
    s->sought = 0;
    s->found = 0;
    begin_row(s, from);
    while (!apply_row(s, to)) { /* each register is sought once */
        if (s->wanted == STACK_CFI_NO_REG) {
            return STACK_STEP_CUT;
        }
        seek(s, s->wanted);
        begin_row(s, from);
    }
    bool is_signal = (rule & STACK_RULE_SIGNAL) != 0;
    to->flags = is_signal ? SESSION_NODE_EXACT_PC : 0;
    to->is_special = true;
    if (to->pc == 0) {
        return STACK_STEP_END;
    }
    return accept_sp(s, from->sp, to->sp, is_signal) ? STACK_STEP_FRAME : STACK_STEP_CUT;
}

/* A return address that a frame-pointer chain may lead to: in a loaded object, or at least not on
 * this stack nor where no code can be. */
static bool looks_like_code(struct stack_stepper *s, uintptr_t pc)
{
    return stack_cfi_object_at(pc, &s->machine.object) ||
           (pc >= STEP_CODE_MIN && pc >> 47 == 0 &&
            !(pc >= s->bounds.now.low && pc < s->bounds.now.high));
}

/* No tables: a frame pointer on this stack, aligned and above us, leads to the caller. */
__attribute__((noinline)) static enum stack_step_result
step_guess(struct stack_stepper *s, const struct stack_cursor *from, struct stack_cursor *to)
{
    uintptr_t bp = 0;
    if (!stack_step_load_bp(s, from->bp_at, &bp) || (bp & 7) != 0 || bp < from->sp ||
        !stack_bounds_reach(&s->bounds, bp + 8)) {
        return STACK_STEP_CUT;
    }
    to->pc = word_at(bp + 8);
    to->sp = bp + 16;
    to->bp_at = bp;
    to->flags = SESSION_NODE_GUESSED;
    to->is_special = true;
    return looks_like_code(s, to->pc) ? STACK_STEP_FRAME : STACK_STEP_CUT;
}

static enum stack_step_result step_cfa(struct stack_stepper *s, const struct stack_cursor *from,
                                       stack_rule rule, uintptr_t cfa, struct stack_cursor *to)
{
    bool is_bp = stack_rule_kind(rule) == STACK_RULE_BP;
    if (cfa <= from->sp || !stack_bounds_reach(&s->bounds, cfa - 8)) {
        if (!is_bp || !accept_sp(s, from->sp, cfa, false)) {
            return STACK_STEP_CUT;
        }
    }
    to->pc = word_at(cfa - 8);
    to->sp = cfa;
    to->bp_at = (rule & STACK_RULE_SAVES_BP) != 0 ? cfa + stack_rule_bp_off(rule) : from->bp_at;
    to->flags = (rule & STACK_RULE_SIGNAL) != 0 ? SESSION_NODE_EXACT_PC : 0;
    to->is_special = is_bp;
    return to->pc != 0 ? STACK_STEP_FRAME : STACK_STEP_END;
}

__attribute__((noinline)) static enum stack_step_result step_bp(struct stack_stepper *s,
                                                                const struct stack_cursor *from,
                                                                stack_rule rule,
                                                                struct stack_cursor *to)
{
    uintptr_t bp = 0;
    return stack_step_load_bp(s, from->bp_at, &bp)
               ? step_cfa(s, from, rule, bp + stack_rule_cfa_off(rule), to)
               : STACK_STEP_CUT;
}

/* Jumps: nothing of its own is on the host's stack below the step itself. */
enum stack_step_result stack_step(struct stack_stepper *s, const struct stack_cursor *from,
                                  stack_rule rule, struct stack_cursor *to)
{
    switch (stack_rule_kind(rule)) {
    case STACK_RULE_SP:
        return step_cfa(s, from, rule, from->sp + stack_rule_cfa_off(rule), to);
    case STACK_RULE_BP:
        return step_bp(s, from, rule, to);
    case STACK_RULE_OUTERMOST:
        return STACK_STEP_END;
    case STACK_RULE_TABLE:
        return step_table(s, from, rule, to);
    default:
        return step_guess(s, from, to);
    }
}
