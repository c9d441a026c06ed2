#include "stack_step.h"

#include "alloctrap/session.h"
#include "stack_eval.h"

enum { STEP_CODE_MIN = 0x10000 }; /* below is no code: vm.mmap_min_addr */

_Static_assert(SESSION_NODE_EXACT_PC == 1, "stack_step_lookup_pc() takes the flag as a number");

/* What an expression may ask for while one frame is stepped from. */
struct step_source {
    struct stack_stepper *stepper;
    const struct stack_cursor *from;
};

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
    const struct step_source *source = context;
    return stack_step_load(source->stepper, addr, ret_value);
}

/* A frame's own pc and sp are known; nothing else, for frames further in. */
static bool inner_reg(void *context, unsigned reg, uint64_t *ret_value)
{
    const struct step_source *source = context;
    *ret_value = reg == STACK_CFI_PC ? source->from->pc : source->from->sp;
    return reg == STACK_CFI_PC || reg == STACK_CFI_SP;
}

/* Where `callee`, whose CFA is `cfa`, keeps its caller's register; *ret_addr 0: it left it alone.
 */
static bool find_saved(struct stack_stepper *s, const struct stack_cursor *callee, uintptr_t cfa,
                       unsigned reg, uintptr_t *ret_addr)
{
    struct stack_cfi_machine *m = &s->inner_machine;
    uintptr_t pc = stack_step_lookup_pc(callee->pc, callee->flags);
    if (!stack_cfi_object_at(pc, &m->object) ||
        !stack_cfi_run(m, stack_cfi_find(&m->object, pc), pc)) {
        return false;
    }
    struct step_source context = {s, callee};
    struct stack_eval_source source = {&context, inner_reg, source_load};
    uint64_t first = cfa;
    *ret_addr = cfa + (uintptr_t)m->row.value[reg];
    switch (m->row.how[reg]) {
    case STACK_CFI_SAME:
        *ret_addr = 0;
        return true;
    case STACK_CFI_AT_CFA:
        return true;
    case STACK_CFI_AT_EXPR:
        return stack_eval(&m->object, (uintptr_t)m->row.value[reg], &source, &first, ret_addr);
    default:
        return false;
    }
}

/*
 * A register that the walk does not carry along (rbx under a lazy binding, anything under a
 * signal): the nearest inner frame that saved it has it. None did: it is in the register, which our
 * own code has long used, so it is lost.
 */
static bool find_reg(struct stack_stepper *s, unsigned reg, uint64_t *ret_value)
{
    struct stack_cursor caller;
    struct stack_cursor callee;
    if (!s->inner(s->inner_context, 0, &caller)) {
        return false;
    }
    for (uint32_t n = 1; s->inner(s->inner_context, n, &callee); n++) {
        uintptr_t addr = 0;
        if ((callee.flags & SESSION_NODE_GUESSED) != 0 ||
            !find_saved(s, &callee, caller.sp, reg, &addr)) {
            return false;
        }
        if (addr != 0) {
            return stack_step_load(s, addr, ret_value);
        }
        caller = callee;
    }
    return false;
}

static bool source_reg(void *context, unsigned reg, uint64_t *ret_value)
{
    const struct step_source *source = context;
    if (reg == STACK_CFI_BP) {
        return stack_step_load_bp(source->stepper, source->from->bp_at, ret_value);
    }
    return inner_reg(context, reg, ret_value) || find_reg(source->stepper, reg, ret_value);
}

/* Where the row in the machine keeps the caller's `reg`; false when it is no place in memory. */
static bool saved_address(struct stack_stepper *s, const struct stack_eval_source *source,
                          uintptr_t cfa, unsigned reg, uintptr_t *ret_addr)
{
    const struct stack_cfi_row *row = &s->machine.row;
    uint64_t first = cfa;
    if (row->how[reg] == STACK_CFI_AT_EXPR) {
        return stack_eval(&s->machine.object, (uintptr_t)row->value[reg], source, &first, ret_addr);
    }
    *ret_addr = cfa + (uintptr_t)row->value[reg];
    return row->how[reg] == STACK_CFI_AT_CFA;
}

/* The caller's `reg` by the row in the machine, where it is saved or computed. */
static bool saved_value(struct stack_stepper *s, const struct stack_eval_source *source,
                        uintptr_t cfa, unsigned reg, uintptr_t *ret_value)
{
    const struct stack_cfi_row *row = &s->machine.row;
    uintptr_t addr = 0;
    uint64_t first = cfa;
    switch (row->how[reg]) {
    case STACK_CFI_IS_CFA:
        *ret_value = cfa + (uintptr_t)row->value[reg];
        return true;
    case STACK_CFI_IN_REG:
        return (uint64_t)row->value[reg] < STACK_CFI_REGS &&
               source->reg(source->context, (unsigned)row->value[reg], ret_value);
    case STACK_CFI_IS_EXPR:
        return stack_eval(&s->machine.object, (uintptr_t)row->value[reg], source, &first,
                          ret_value);
    default:
        return saved_address(s, source, cfa, reg, &addr) && stack_step_load(s, addr, ret_value);
    }
}

static bool row_cfa(struct stack_stepper *s, const struct stack_eval_source *source,
                    uintptr_t *ret_cfa)
{
    const struct stack_cfi_row *row = &s->machine.row;
    if (row->cfa_reg == STACK_CFI_NO_REG) {
        return stack_eval(&s->machine.object, row->cfa_expr, source, NULL, ret_cfa);
    }
    if (!source->reg(source->context, row->cfa_reg, ret_cfa)) {
        return false;
    }
    *ret_cfa += (uintptr_t)row->cfa_off;
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

static enum stack_step_result step_table(struct stack_stepper *s, const struct stack_cursor *from,
                                         stack_rule rule, struct stack_cursor *to)
{
    uintptr_t pc = stack_step_lookup_pc(from->pc, from->flags);
    struct step_source context = {s, from};
    struct stack_eval_source source = {&context, source_reg, source_load};
    uintptr_t cfa = 0;
    if (!stack_cfi_object_at(pc, &s->machine.object) ||
        !stack_cfi_run(&s->machine, stack_rule_fde(rule), pc) || !row_cfa(s, &source, &cfa) ||
        !saved_value(s, &source, cfa, STACK_CFI_PC, &to->pc)) {
        return STACK_STEP_CUT;
    }
    to->sp = cfa;
    to->bp_at = from->bp_at;
    if (s->machine.row.how[STACK_CFI_SP] != STACK_CFI_SAME &&
        !saved_value(s, &source, cfa, STACK_CFI_SP, &to->sp)) {
        return STACK_STEP_CUT;
    }
    if (s->machine.row.how[STACK_CFI_BP] != STACK_CFI_SAME &&
        !saved_address(s, &source, cfa, STACK_CFI_BP, &to->bp_at)) {
        to->bp_at = STACK_BP_LOST;
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
static bool looks_like_code(const struct stack_stepper *s, uintptr_t pc)
{
    struct stack_cfi_object object;
    return stack_cfi_object_at(pc, &object) ||
           (pc >= STEP_CODE_MIN && pc >> 47 == 0 &&
            !(pc >= s->bounds.now.low && pc < s->bounds.now.high));
}

/* No tables: a frame pointer on this stack, aligned and above us, leads to the caller. */
static enum stack_step_result step_guess(struct stack_stepper *s, const struct stack_cursor *from,
                                         struct stack_cursor *to)
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

enum stack_step_result stack_step(struct stack_stepper *s, const struct stack_cursor *from,
                                  stack_rule rule, struct stack_cursor *to)
{
    uintptr_t bp = 0;
    switch (stack_rule_kind(rule)) {
    case STACK_RULE_SP:
        return step_cfa(s, from, rule, from->sp + stack_rule_cfa_off(rule), to);
    case STACK_RULE_BP:
        if (!stack_step_load_bp(s, from->bp_at, &bp)) {
            return STACK_STEP_CUT;
        }
        return step_cfa(s, from, rule, bp + stack_rule_cfa_off(rule), to);
    case STACK_RULE_OUTERMOST:
        return STACK_STEP_END;
    case STACK_RULE_TABLE:
        return step_table(s, from, rule, to);
    default:
        return step_guess(s, from, to);
    }
}
