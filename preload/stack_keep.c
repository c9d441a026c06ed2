#include "stack_keep.h"

/* In bp_ats: the step left bp where it was. */
#define KEEP_BP_PASSED ((uintptr_t)1)

uintptr_t stack_keep_bp_at(const struct stack_mend *s, uint32_t i)
{
    for (uint32_t inner = i + 1; inner < s->count; inner++) {
        stack_rule rule = s->rules[inner];
        enum stack_rule_kind kind = stack_rule_kind(rule);
        if (kind == STACK_RULE_SP || kind == STACK_RULE_BP) {
            if ((rule & STACK_RULE_SAVES_BP) != 0) {
                return s->sps[inner - 1] + stack_rule_bp_off(rule);
            }
        } else if (s->bp_ats[inner] != KEEP_BP_PASSED) {
            return s->bp_ats[inner];
        }
    }
    return STACK_BP_REGISTER;
}

void stack_keep_load(const struct stack_mend *s, uint32_t i, struct stack_cursor *ret)
{
    ret->pc = s->pcs[i];
    ret->sp = s->sps[i];
    ret->bp_at = STACK_KEEP_BP_INHERITED;
    ret->flags = stack_rule_flags(s->rules[i]);
    ret->is_special = stack_keep_is_special(s, i);
}

void stack_keep_note_bp(struct stack_mend *s, uint32_t i, uintptr_t from_bp_at, uintptr_t to_bp_at)
{
    enum stack_rule_kind kind = stack_rule_kind(s->rules[i]);
    if (kind != STACK_RULE_SP && kind != STACK_RULE_BP) {
        s->bp_ats[i] = to_bp_at == from_bp_at ? KEEP_BP_PASSED : to_bp_at;
    }
}

/* Frame i of the last walk moves to index `to`. */
static void move_frame(struct stack_mend *s, uint32_t i, uint32_t to)
{
    s->slots[to] = s->slots[i];
    s->pcs[to] = s->pcs[i];
    s->sps[to] = s->sps[i];
    s->bp_ats[to] = s->bp_ats[i];
    s->bps[to] = s->bps[i];
    s->rules[to] = s->rules[i];
    s->terms[to] = stack_term(s->pcs[to], stack_rule_flags(s->rules[to]), to);
    s->hash += s->terms[to];
}

/* The verified frames [keep, count) move so that they begin at `to`; their terms leave the sum
 * first and come back weighted anew. */
static void shift_kept(struct stack_mend *s, uint32_t to)
{
    uint32_t kept = s->count - s->keep;
    for (uint32_t i = s->keep; i < s->count; i++) {
        s->hash -= s->terms[i];
    }
    for (uint32_t n = 0; n < kept; n++) {
        uint32_t i = to < s->keep ? n : kept - 1 - n; /* never onto a frame yet to be moved */
        move_frame(s, s->keep + i, to + i);
    }
    s->keep = to;
    s->count = to + kept;
}

/* Whether the step succeeded or not: what it read of bp is what it will be compared with. */
__attribute__((noinline)) static void
put_bp(struct stack_mend *s, uint32_t i, const struct stack_fresh *fresh, uintptr_t caller_bp_at)
{
    s->bps[i] = 0;
    (void)stack_step_load_bp(&s->stepper, fresh->at.bp_at, &s->bps[i]);
    stack_keep_note_bp(s, i, fresh->at.bp_at, caller_bp_at);
}

/* The fresh frames, the outermost at index `first`; it was reached from `at` further out. */
static inline void put_fresh(struct stack_mend *s, uint32_t first, const struct stack_cursor *at)
{
    uint64_t hash = s->hash;
    uintptr_t caller_bp_at = at->bp_at;
    size_t i = first;
    const struct stack_fresh *fresh = s->fresh + s->fresh_count;
    for (; fresh-- != s->fresh; i++) {
        uint64_t term = stack_term(fresh->at.pc, fresh->at.flags, (uint32_t)i);
        s->slots[i] = stack_keep_slot(s, &fresh->at);
        s->pcs[i] = fresh->at.pc;
        s->sps[i] = fresh->at.sp;
        s->rules[i] = stack_rule_with_flags(fresh->rule, fresh->at.flags);
        s->terms[i] = term;
        hash += term;
        if (__builtin_expect(!stack_rule_is_plain(fresh->rule), false)) {
            put_bp(s, (uint32_t)i, fresh, caller_bp_at);
        }
        caller_bp_at = fresh->at.bp_at;
    }
    s->hash = hash;
}

bool stack_keep_splice(struct stack_mend *s, int join, const struct stack_cursor *at)
{
    uint32_t first = (uint32_t)(join + 1);
    uint32_t keep_to = first + s->fresh_count;
    if (keep_to + (s->count - s->keep) > s->depth_max) {
        return false;
    }
    stack_mend_unname(s, first);
    for (uint32_t i = first; i < s->keep; i++) {
        s->hash -= s->terms[i];
    }
    if (keep_to != s->keep) {
        shift_kept(s, keep_to);
    }
    put_fresh(s, first, at);
    s->keep = first;
    s->fresh_count = 0;
    return true;
}

stack_rule stack_keep_look_up(struct stack_mend *s, uintptr_t pc)
{
    stack_rule rule = stack_rule_find(&s->stepper.machine, pc - 1, s->stepper.epoch);
    if (rule != STACK_RULE_NONE) { /* the loader may map a library there at any time */
        *stack_keep_memo(s, pc) = (struct stack_memo){pc, rule};
    }
    return rule;
}
