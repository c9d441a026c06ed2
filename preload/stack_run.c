#include "stack_run.h"

#include "stack_keep.h"

/* Bp of frame i, as the next frame further in has left it; false: that takes a closer look. */
static inline bool read_bp(const struct stack_mend *s, size_t i, uintptr_t *ret_bp)
{
    if (i + 1 == s->count) {
        *ret_bp = s->stepper.bp;
        return true;
    }
    stack_rule inner = s->rules[i + 1]; /* no other kind has the bit */
    uintptr_t at = s->sps[i] + stack_rule_bp_off(inner);
    if ((inner & STACK_RULE_SAVES_BP) == 0 || !stack_bounds_has(&s->stepper.bounds, at)) {
        return false;
    }
    *ret_bp = *(const uintptr_t *)at;
    return true;
}

/* Frame i, which leads to i - 1 by its bp, does so as before. */
static inline bool is_same_by_bp(const struct stack_mend *s, size_t i)
{
    uintptr_t bp;
    return stack_keep_is_special(s, i - 1) && stack_rule_is_by_bp(s->rules[i]) &&
           read_bp(s, i, &bp) && bp == s->bps[i] &&
           *(const uintptr_t *)(s->sps[i - 1] - 8) == s->pcs[i - 1];
}

uint32_t stack_run_skip_by_bp(const struct stack_mend *s, uint32_t from)
{
    size_t n = from;
    while (n > 0 && is_same_by_bp(s, n)) {
        do {
            n--;
        } while (n > 0 && is_same_by_bp(s, n));
        n = stack_mend_skip_same(s, (uint32_t)n);
    }
    return (uint32_t)n;
}

/* Frame i becomes the one found at (pc, sp), whose rule is `rule`; slot: as `slots` has it. */
static inline void replace(struct stack_mend *s, size_t i, uintptr_t pc, uintptr_t sp,
                           uintptr_t slot, stack_rule rule)
{
    uint64_t term = stack_term(pc, 0, (uint32_t)i);
    stack_mend_unname(s, i);
    s->slots[i] = slot;
    s->pcs[i] = pc;
    s->sps[i] = sp;
    s->rules[i] = rule;
    s->hash += term - s->terms[i];
    s->terms[i] = term;
}

/* Frame i is the one found at (pc, sp), where it was or moved. */
static inline bool meet(struct stack_mend *s, size_t i, uintptr_t pc, uintptr_t sp, uintptr_t slot,
                        uintptr_t *ret_moved_bytes)
{
    uintptr_t moved_bytes = sp - s->sps[i];
    if (pc != s->pcs[i] || stack_rule_flags(s->rules[i]) != 0 ||
        (moved_bytes != 0 && !stack_run_can_move(s, moved_bytes))) {
        return false;
    }
    s->slots[i] = slot;
    s->sps[i] = sp;
    *ret_moved_bytes = moved_bytes;
    return true;
}

uint32_t stack_run_mend(struct stack_mend *s, uint32_t i, uintptr_t pc, uintptr_t sp,
                        uintptr_t *ret_moved_bytes, bool *ret_is_met)
{
    uintptr_t high = s->stepper.bounds.now.high;
    size_t n = i;
    size_t end = i > STACK_RUN_FRAMES ? i - STACK_RUN_FRAMES : 0;
    while (n-- > end) {
        if (meet(s, n, pc, sp, sp - 8, ret_moved_bytes)) {
            *ret_is_met = true;
            return (uint32_t)n;
        }
        stack_rule rule = stack_keep_rule(s, pc);
        uintptr_t cfa = sp + stack_rule_cfa_off(rule);
        if (n == 0 || !stack_rule_is_plain(rule) || cfa > high) {
            break;
        }
        replace(s, n, pc, sp, sp - 8, rule);
        sp = cfa;
        pc = *(const uintptr_t *)(sp - 8);
    }
    *ret_is_met = false;
    return (uint32_t)(n + 1);
}

/* Where frame i leads by its bp. */
static inline bool step_by_bp(const struct stack_mend *s, size_t i, uintptr_t *ret_bp,
                              uintptr_t *ret_sp)
{
    if (!stack_rule_is_by_bp(s->rules[i]) || !read_bp(s, i, ret_bp)) {
        return false;
    }
    *ret_sp = *ret_bp + stack_rule_cfa_off(s->rules[i]);
    return *ret_sp > s->sps[i] && *ret_sp <= s->stepper.bounds.now.high;
}

bool stack_run_by_bp(struct stack_mend *s, uint32_t *i, uintptr_t *moved_bytes)
{
    uintptr_t nowhere = (uintptr_t)&s->nowhere;
    uintptr_t bp;
    uintptr_t sp;
    uint32_t start = *i;
    uint32_t met = start;
    for (uint32_t n = start; n > 0 && met - n <= STACK_RUN_FRAMES && step_by_bp(s, n, &bp, &sp);
         n--) {
        uintptr_t pc = *(const uintptr_t *)(sp - 8);
        if (meet(s, n - 1, pc, sp, nowhere, moved_bytes)) {
            met = n - 1;
        } else {
            stack_rule rule = stack_keep_rule(s, pc);
            if (n == 1 || !stack_rule_is_by_bp(rule)) {
                break;
            }
            replace(s, n - 1, pc, sp, nowhere, rule);
        }
        s->bps[n] = bp; /* not before: it goes with the sp of the next frame */
        *i = n - 1;
    }
    return *i != start && *i == met;
}
