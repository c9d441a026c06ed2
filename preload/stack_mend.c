#include "stack_mend.h"

#include <stdatomic.h>
#include <string.h>

enum {
    MEND_SPECIAL = 1,    /* a slot: the step to this frame took more than a return address */
    MEND_JOIN_FRAMES = 8 /* stepping so many costs what moving some thirty does */
};

/* A frame's part of the identity; index from the outermost frame. */
static uint64_t term_of(uintptr_t pc, uint32_t flags, uint32_t index)
{
    uint64_t x = pc ^ (uint64_t)flags << 56;
    x += (index + UINT64_C(1)) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    x = (x ^ x >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    return x ^ x >> 32;
}

static void load_frame(const struct stack_mend *s, uint32_t i, struct stack_cursor *ret)
{
    ret->pc = s->pcs[i];
    ret->sp = s->sps[i];
    ret->bp_at = s->bp_ats[i];
    ret->flags = s->frame_flags[i];
    ret->is_special = s->slots[i] == MEND_SPECIAL;
}

/* The frames inwards of where the walk stands: fresh ones, then those verified. */
static bool inner_frame(const void *context, uint32_t n, struct stack_cursor *ret)
{
    const struct stack_mend *s = context;
    if (n < s->fresh_count) {
        *ret = s->fresh[s->fresh_count - 1 - n].at;
        return true;
    }
    uint32_t i = s->keep + (n - s->fresh_count);
    if (i >= s->count) {
        return false;
    }
    load_frame(s, i, ret);
    return true;
}

void stack_mend_init(struct stack_mend *s, uint32_t depth_max)
{
    uint32_t most = depth_max < STACK_FRAMES_MAX ? depth_max : STACK_FRAMES_MAX;
    s->depth_max = most > 0 ? most : 1;
    s->count = 0;
    s->sum = 0;
    s->can_join = false;
    s->is_busy = false;
    s->stepper.bounds = (struct stack_bounds){.now = {0, 0}};
    s->stepper.inner = inner_frame;
    s->stepper.inner_context = s;
    s->stepper.epoch = stack_rule_epoch();
    memset(s->memo, 0, sizeof s->memo);
}

static void drop_walk(struct stack_mend *s)
{
    s->count = 0;
    s->sum = 0;
}

void stack_mend_forget(struct stack_mend *s)
{
    drop_walk(s);
    s->can_join = false;
}

static stack_rule rule_of(struct stack_mend *s, uintptr_t pc)
{
    struct stack_memo *memo =
        &s->memo[(pc * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - STACK_MEMO_BITS)];
    if (memo->pc == pc) {
        return memo->rule;
    }
    stack_rule rule = stack_rule_find(&s->stepper.machine, pc, s->stepper.epoch);
    if (rule != STACK_RULE_NONE) { /* the loader may map a library there at any time */
        *memo = (struct stack_memo){pc, rule};
    }
    return rule;
}

/* True when the value of bp in frame i is what it was when frame i's rule was applied. */
static bool is_bp_same(const struct stack_mend *s, uint32_t i)
{
    uintptr_t at = s->bp_ats[i];
    if (stack_bounds_has(&s->stepper.bounds, at)) {
        return *(const uintptr_t *)at == s->bps[i];
    }
    return at == STACK_BP_REGISTER && s->stepper.bp == s->bps[i];
}

/*
 * The inner frames have changed, so frame i's bp may be kept elsewhere than in the last walk. That
 * place is handed on outward up to the first frame that saves bp itself.
 */
static void move_bp(struct stack_mend *s, uint32_t i, uintptr_t bp_at)
{
    while (s->bp_ats[i] != bp_at) {
        s->bp_ats[i] = bp_at;
        enum stack_rule_kind kind = stack_rule_kind(s->rules[i]);
        bool passes_on = (kind == STACK_RULE_SP || kind == STACK_RULE_BP) &&
                         (s->rules[i] & STACK_RULE_SAVES_BP) == 0;
        if (!passes_on || i == 0) {
            return;
        }
        i--;
    }
}

/* The step outward from frame i, by its own rule. */
static enum stack_step_result step_from(struct stack_mend *s, uint32_t i, struct stack_cursor *to)
{
    struct stack_cursor from;
    s->keep = i;
    s->fresh_count = 0;
    load_frame(s, i, &from);
    return stack_step(&s->stepper, &from, s->rules[i], to);
}

/*
 * Frame i is where it was, but returns to `pc`. When the new rule leads to the same sp as the old
 * one, as it does for another call in the same function, the frame is mended in its place: one
 * look-up and one term. Frame i - 1 is then still to be verified.
 */
static bool mend_in_place(struct stack_mend *s, uint32_t i, uintptr_t pc)
{
    if (i == 0 || s->frame_flags[i] != 0 || s->frame_flags[i - 1] != 0) {
        return false;
    }
    stack_rule rule = rule_of(s, pc - 1);
    uintptr_t cfa = s->sps[i] + stack_rule_cfa_off(rule);
    uintptr_t slot = cfa - 8;
    if (stack_rule_kind(rule) == STACK_RULE_BP) {
        uintptr_t bp = 0;
        if (!stack_step_load_bp(&s->stepper, s->bp_ats[i], &bp)) {
            return false;
        }
        s->bps[i] = bp;
        cfa = bp + stack_rule_cfa_off(rule);
        slot = MEND_SPECIAL;
    } else if (stack_rule_kind(rule) != STACK_RULE_SP) {
        return false;
    }
    if (cfa != s->sps[i - 1] || (rule & STACK_RULE_SIGNAL) != 0) {
        return false;
    }
    bool is_saved = (rule & STACK_RULE_SAVES_BP) != 0;
    uintptr_t bp_at = is_saved ? cfa + stack_rule_bp_off(rule) : s->bp_ats[i];
    uint64_t term = term_of(pc, 0, i);
    s->rules[i] = rule;
    s->pcs[i] = pc;
    s->slots[i - 1] = slot;
    s->sum += term - s->terms[i];
    s->terms[i] = term;
    if (s->bp_ats[i - 1] != bp_at) {
        move_bp(s, i - 1, bp_at);
    }
    return true;
}

/* Whether the step from frame i, which reads more than a return address, still leads to i - 1, or
 * i - 1 could be mended in place. */
static bool verify_special(struct stack_mend *s, uint32_t i)
{
    if (stack_rule_kind(s->rules[i]) == STACK_RULE_BP) {
        if (!is_bp_same(s, i)) {
            return false;
        }
        uintptr_t pc = *(const uintptr_t *)(s->sps[i - 1] - 8);
        return pc == s->pcs[i - 1] || mend_in_place(s, i - 1, pc);
    }
    struct stack_cursor to;
    if (step_from(s, i, &to) != STACK_STEP_FRAME || to.pc != s->pcs[i - 1] ||
        to.sp != s->sps[i - 1] || to.flags != s->frame_flags[i - 1]) {
        return false;
    }
    move_bp(s, i - 1, to.bp_at);
    return true;
}

/* Outward from frame `i` as long as plain slots hold what they held: the frame inward of the first
 * that does not; 0: all. This loop is most of what a deep stack costs. */
static inline uint32_t skip_same(const struct stack_mend *s, uint32_t i)
{
    while (i > 0) {
        uintptr_t slot = s->slots[i - 1];
        if ((slot & MEND_SPECIAL) != 0 || *(const uintptr_t *)slot != s->pcs[i - 1]) {
            break;
        }
        i--;
    }
    return i;
}

/* Goes outward from frame `i`, which is verified, as far as memory still says the same or can be
 * mended in place. Returns the last frame verified; 0: all. */
static inline uint32_t verify(struct stack_mend *s, uint32_t i)
{
    while ((i = skip_same(s, i)) > 0) {
        uintptr_t slot = s->slots[i - 1];
        bool is_good = (slot & MEND_SPECIAL) != 0
                           ? verify_special(s, i)
                           : mend_in_place(s, i - 1, *(const uintptr_t *)slot);
        if (!is_good) {
            return i;
        }
        i--;
    }
    return 0;
}

/*
 * Frame `old` of the last walk was reached with the same pc and sp. To join there is free when the
 * stack is as deep as it was; otherwise every frame further in moves, which pays only when it
 * saves as many steps: frames of another call often lie where old ones did by mere chance.
 */
static bool is_worth_joining(const struct stack_mend *s, uint32_t old)
{
    if (old + 1 + s->fresh_count == s->keep) {
        return true;
    }
    uint32_t i = skip_same(s, old);
    return i == 0 || (s->slots[i - 1] & MEND_SPECIAL) != 0 || old - i >= MEND_JOIN_FRAMES;
}

/* Frame `old`, of the same sp, is the one found at `at`, and the walk may join there. */
static bool is_same_frame(const struct stack_mend *s, uint32_t old, const struct stack_cursor *at)
{
    return s->pcs[old] == at->pc && s->frame_flags[old] == at->flags && !s->stepper.has_crossed &&
           is_worth_joining(s, old);
}

/* Steps outward from `at`, into s->fresh, until a frame is one of the last walk: then
 * STACK_STEP_FRAME and its index in *join. Old frames that lie further in are passed over. */
static enum stack_step_result walk_fresh(struct stack_mend *s, struct stack_cursor *at, int *join)
{
    struct stack_cursor here = *at; /* in registers: one frame's pc leads to the next one's */
    enum stack_step_result result = STACK_STEP_FRAME;
    uint32_t kept = s->count - s->keep;
    int old = *join;
    for (;;) {
        while (old >= 0 && s->sps[old] < here.sp) {
            old--;
        }
        if (old >= 0 && s->sps[old] == here.sp && is_same_frame(s, (uint32_t)old, &here)) {
            break;
        }
        if (s->fresh_count + kept == s->depth_max) {
            s->is_too_deep = true;
            result = STACK_STEP_CUT;
            break;
        }
        struct stack_fresh *fresh = &s->fresh[s->fresh_count++];
        fresh->rule = rule_of(s, stack_step_lookup_pc(here.pc, here.flags));
        fresh->at = here;
        if (stack_step_plainly(&s->stepper, &here, fresh->rule)) {
            continue;
        }
        result = stack_step(&s->stepper, &fresh->at, fresh->rule, at);
        here = *at;
        if (result != STACK_STEP_FRAME) {
            break;
        }
    }
    *at = here;
    *join = old;
    return result;
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
    s->frame_flags[to] = s->frame_flags[i];
    s->terms[to] = term_of(s->pcs[to], s->frame_flags[to], to);
    s->sum += s->terms[to];
}

/* The verified frames [keep, count) move so that they begin at `to`; their terms leave the sum
 * first and come back weighted anew. */
static void shift_kept(struct stack_mend *s, uint32_t to)
{
    uint32_t kept = s->count - s->keep;
    for (uint32_t i = s->keep; i < s->count; i++) {
        s->sum -= s->terms[i];
    }
    for (uint32_t n = 0; n < kept; n++) {
        uint32_t i = to < s->keep ? n : kept - 1 - n; /* never onto a frame yet to be moved */
        move_frame(s, s->keep + i, to + i);
    }
    s->keep = to;
    s->count = to + kept;
}

static void put_fresh(struct stack_mend *s, uint32_t i, const struct stack_fresh *fresh)
{
    s->slots[i] = fresh->at.is_special ? MEND_SPECIAL : fresh->at.sp - 8;
    s->pcs[i] = fresh->at.pc;
    s->sps[i] = fresh->at.sp;
    s->bp_ats[i] = fresh->at.bp_at;
    s->rules[i] = fresh->rule;
    s->frame_flags[i] = (uint8_t)fresh->at.flags;
    if (stack_rule_kind(fresh->rule) == STACK_RULE_BP) {
        /* Whether the step succeeded or not: what it read is what it will be compared with. */
        s->bps[i] = 0;
        (void)stack_step_load_bp(&s->stepper, fresh->at.bp_at, &s->bps[i]);
    }
    s->terms[i] = term_of(fresh->at.pc, fresh->at.flags, i);
    s->sum += s->terms[i];
}

/* Puts the fresh frames between old frame `join` (-1: nothing is left of the root's side) and the
 * kept ones. False when the whole would be deeper than the state can hold. */
static bool splice(struct stack_mend *s, int join)
{
    uint32_t first = (uint32_t)(join + 1);
    uint32_t keep_to = first + s->fresh_count;
    if (keep_to + (s->count - s->keep) > s->depth_max) {
        return false;
    }
    for (uint32_t i = first; i < s->keep; i++) {
        s->sum -= s->terms[i];
    }
    if (keep_to != s->keep) {
        shift_kept(s, keep_to);
    }
    for (uint32_t i = 0; i < s->fresh_count; i++) {
        put_fresh(s, keep_to - 1 - i, &s->fresh[i]);
    }
    s->keep = first;
    s->fresh_count = 0;
    return true;
}

/* Old frame `join` was reached by a new way: what the way tells of it is taken over. */
static void join_at(struct stack_mend *s, uint32_t join, const struct stack_cursor *at)
{
    s->slots[join] = at->is_special ? MEND_SPECIAL : at->sp - 8;
    move_bp(s, join, at->bp_at);
}

/* Verifies outward from frame `join`. STACK_STEP_FRAME: *at is the first frame that differs and
 * could not be mended in place; else the walk is complete. */
static enum stack_step_result verify_on(struct stack_mend *s, uint32_t join,
                                        struct stack_cursor *at)
{
    s->keep = verify(s, join);
    if (s->keep == 0 && stack_rule_kind(s->rules[0]) == STACK_RULE_OUTERMOST) {
        return STACK_STEP_END;
    }
    enum stack_step_result result = step_from(s, s->keep, at);
    if (result != STACK_STEP_FRAME) {
        (void)splice(s, -1);
    }
    return result;
}

/* True when the innermost frame of the last walk is the caller's own, or could be made so. */
static bool join_innermost(struct stack_mend *s, const struct stack_cursor *at)
{
    if (s->count == 0 || s->sps[s->count - 1] != at->sp || s->frame_flags[s->count - 1] != 0) {
        return false;
    }
    uint32_t top = s->count - 1;
    if (s->bp_ats[top] != STACK_BP_REGISTER) {
        move_bp(s, top, STACK_BP_REGISTER);
    }
    return s->pcs[top] == at->pc || mend_in_place(s, top, at->pc);
}

/*
 * Makes the last walk this one: `at` and what is outward of it, while [keep, count) stand. Each
 * round joins the last walk, verifies on, and at the first difference begins anew from there, so
 * that no memory is read which this very stack does not lead to. False: it would be too deep to
 * join; the caller walks it whole.
 */
static bool mend(struct stack_mend *s, struct stack_cursor *at)
{
    enum stack_step_result result = STACK_STEP_FRAME;
    if (join_innermost(s, at)) {
        result = verify_on(s, s->count - 1, at);
    }
    while (result == STACK_STEP_FRAME) {
        int join = (int)s->keep - 1;
        s->fresh_count = 0;
        result = walk_fresh(s, at, &join);
        if (!splice(s, result == STACK_STEP_FRAME ? join : -1)) {
            return false;
        }
        if (result == STACK_STEP_FRAME) {
            join_at(s, (uint32_t)join, at);
            result = verify_on(s, (uint32_t)join, at);
        }
    }
    s->flags = result == STACK_STEP_CUT ? SESSION_NODE_CUT : 0;
    return true;
}

/* Old frames further in than sp have returned: they leave the walk. */
static void drop_returned(struct stack_mend *s, uintptr_t sp)
{
    while (s->count > 0 && s->sps[s->count - 1] < sp) {
        s->count--;
        s->sum -= s->terms[s->count];
    }
    s->keep = s->count;
}

static void follow_epoch(struct stack_mend *s)
{
    uint32_t epoch = stack_rule_epoch();
    if (__builtin_expect(epoch != s->stepper.epoch, false)) {
        s->stepper.epoch = epoch;
        memset(s->memo, 0, sizeof s->memo);
    }
}

/*
 * A signal handler may siglongjmp out of a hook. Then the walk is half mended, and the bounds or a
 * memo may be half written: nothing of them is believed.
 */
static void begin(struct stack_mend *s)
{
    if (s->is_busy) {
        s->can_join = false;
        s->stepper.bounds = (struct stack_bounds){.now = {0, 0}};
        memset(s->memo, 0, sizeof s->memo);
    }
    s->is_busy = true;
    atomic_signal_fence(memory_order_seq_cst); /* pairs with a handler on this thread */
}

static void end(struct stack_mend *s)
{
    atomic_signal_fence(memory_order_seq_cst);
    s->is_busy = false;
}

void stack_mend_walk(struct stack_mend *s, const struct stack_at *at)
{
    begin(s);
    bool can_join = stack_bounds_enter(&s->stepper.bounds, at->sp - 8) && s->can_join;
    s->stepper.bp = at->bp;
    follow_epoch(s);
    for (int attempt = 0; attempt < 2; attempt++) {
        struct stack_cursor from = {at->pc, at->sp, STACK_BP_REGISTER, 0, false};
        if (!can_join || attempt != 0) {
            drop_walk(s);
        }
        drop_returned(s, at->sp);
        s->is_too_deep = false;
        s->stepper.has_crossed = false;
        if (mend(s, &from)) {
            break;
        }
    }
    s->can_join = !s->is_too_deep && !s->stepper.has_crossed;
    end(s);
}

void stack_mend_take(struct stack_mend *s, const uintptr_t *pcs, uint32_t count)
{
    s->count = count < s->depth_max ? count : s->depth_max;
    s->sum = 0;
    s->can_join = false;
    s->flags = s->count < count ? SESSION_NODE_CUT : 0;
    follow_epoch(s);
    uint32_t flags = 0;
    for (uint32_t n = 0; n < s->count; n++) {
        uint32_t i = s->count - 1 - n;
        uintptr_t pc = stack_step_lookup_pc(pcs[n], flags);
        s->pcs[i] = pcs[n];
        s->frame_flags[i] = (uint8_t)flags;
        s->terms[i] = term_of(pcs[n], flags, i);
        s->sum += s->terms[i];
        stack_rule rule = rule_of(s, pc);
        flags = (rule & STACK_RULE_SIGNAL) != 0 ? SESSION_NODE_EXACT_PC : 0;
    }
}

bool stack_mend_is_sum_right(const struct stack_mend *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        sum += term_of(s->pcs[i], s->frame_flags[i], i);
    }
    return sum == s->sum;
}
