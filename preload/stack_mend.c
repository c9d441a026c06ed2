#include "stack_mend.h"

#include <string.h>

enum {
    MEND_JOIN_FRAMES = 8, /* stepping so many costs what moving some thirty does */
    MEND_RUN_FRAMES = 4   /* a function and its caller's place in it are two */
};

/* A cursor's bp: where that of the frame is that the walk stepped out of, not looked for yet. */
#define MEND_BP_INHERITED ((uintptr_t)1)
/* In bp_ats: the step left bp where it was. */
#define MEND_BP_PASSED ((uintptr_t)1)

/* A constant beyond sp leads to the caller, and no signal was there. */
static bool is_plain(stack_rule rule)
{
    return (rule & (STACK_RULE_KINDS | STACK_RULE_SIGNAL)) == STACK_RULE_SP;
}

static bool is_special(const struct stack_mend *s, size_t i)
{
    return s->slots[i] == (uintptr_t)&s->nowhere;
}

static uintptr_t slot_of(const struct stack_mend *s, const struct stack_cursor *at)
{
    return at->is_special ? (uintptr_t)&s->nowhere : at->sp - 8;
}

/*
 * Where frame i has its bp: where the nearest frame further in saved it. Looked for when it is
 * wanted and not kept, as few frames want it and every change further in may move it.
 */
static uintptr_t bp_at_of(const struct stack_mend *s, uint32_t i)
{
    for (uint32_t inner = i + 1; inner < s->count; inner++) {
        stack_rule rule = s->rules[inner];
        enum stack_rule_kind kind = stack_rule_kind(rule);
        if (kind == STACK_RULE_SP || kind == STACK_RULE_BP) {
            if ((rule & STACK_RULE_SAVES_BP) != 0) {
                return s->sps[inner - 1] + stack_rule_bp_off(rule);
            }
        } else if (s->bp_ats[inner - 1] != MEND_BP_PASSED) {
            return s->bp_ats[inner - 1];
        }
    }
    return STACK_BP_REGISTER;
}

static void load_frame(const struct stack_mend *s, uint32_t i, struct stack_cursor *ret)
{
    ret->pc = s->pcs[i];
    ret->sp = s->sps[i];
    ret->bp_at = MEND_BP_INHERITED;
    ret->flags = s->frame_flags[i];
    ret->is_special = is_special(s, i);
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
    s->can_join = false;
    s->state = STACK_MEND_PART;
    s->stepper.bounds = (struct stack_bounds){.now = {0, 0}};
    s->stepper.inner = inner_frame;
    s->stepper.inner_context = s;
    s->stepper.epoch = stack_rule_epoch();
    memset(s->memo, 0, sizeof s->memo);
    stack_mend_forget(s);
}

static void drop_walk(struct stack_mend *s)
{
    s->count = 0;
    s->known = 0;
    s->sum = 0;
    s->twin.pc = 0;
}

void stack_mend_forget(struct stack_mend *s)
{
    drop_walk(s);
    s->can_join = false;
    if (s->state == STACK_MEND_WHOLE) {
        s->state = STACK_MEND_PART;
    }
}

static struct stack_memo *memo_of(struct stack_mend *s, uintptr_t pc)
{
    return &s->memo[stack_term_spread(pc) >> (64 - STACK_MEMO_BITS)];
}

__attribute__((noinline)) static stack_rule look_up(struct stack_mend *s, uintptr_t pc)
{
    stack_rule rule = stack_rule_find(&s->stepper.machine, pc - 1, s->stepper.epoch);
    if (rule != STACK_RULE_NONE) { /* the loader may map a library there at any time */
        *memo_of(s, pc) = (struct stack_memo){pc, rule};
    }
    return rule;
}

/* The rule for code that returns to pc. */
static inline stack_rule rule_of(struct stack_mend *s, uintptr_t pc)
{
    const struct stack_memo *memo = memo_of(s, pc);
    return __builtin_expect(memo->pc == pc, true) ? memo->rule : look_up(s, pc);
}

/* As if a call had returned there, where it is the instruction itself. */
static uintptr_t return_address(uintptr_t pc, uint32_t flags)
{
    return stack_step_lookup_pc(pc, flags) + 1;
}

/*
 * Frame i is where it was, but returns to `pc`. When the new rule leads as far as the old one, as
 * it does for another call in the same function, the frame is mended in its place: one look-up and
 * one term. Frame i - 1 is then still to be verified.
 */
static inline bool mend_in_place(struct stack_mend *s, uint32_t i, uintptr_t pc)
{
    stack_rule rule = rule_of(s, pc);
    stack_rule changes = rule ^ s->rules[i];
    bool is_alike = is_plain(rule) ? (changes & ~STACK_RULE_BP_PART) == 0
                                   : changes == 0 && stack_rule_kind(rule) == STACK_RULE_BP;
    if (!is_alike || s->frame_flags[i] != 0) {
        return false;
    }
    uint64_t term = stack_term(pc, 0, i);
    s->rules[i] = rule;
    s->pcs[i] = pc;
    s->sum += term - s->terms[i];
    s->terms[i] = term;
    return true;
}

/* The step outward from frame i, by its own rule. */
static enum stack_step_result step_from(struct stack_mend *s, uint32_t i, struct stack_cursor *to)
{
    struct stack_cursor from;
    s->keep = i;
    s->fresh_count = 0;
    load_frame(s, i, &from);
    *to = from;
    if (stack_step_plainly(&s->stepper, to, s->rules[i])) {
        return STACK_STEP_FRAME;
    }
    from.bp_at = bp_at_of(s, i);
    return stack_step(&s->stepper, &from, s->rules[i], to);
}

static bool is_bp_same(const struct stack_mend *s, uint32_t i)
{
    uintptr_t at = bp_at_of(s, i);
    if (stack_bounds_has(&s->stepper.bounds, at)) {
        return *(const uintptr_t *)at == s->bps[i];
    }
    return at == STACK_BP_REGISTER && s->stepper.bp == s->bps[i];
}

/* What the step from frame i, which is not SP's or BP's, tells of bp further out. */
static void note_bp(struct stack_mend *s, uint32_t i, uintptr_t from_bp_at, uintptr_t to_bp_at)
{
    enum stack_rule_kind kind = stack_rule_kind(s->rules[i]);
    if (i > 0 && kind != STACK_RULE_SP && kind != STACK_RULE_BP) {
        s->bp_ats[i - 1] = to_bp_at == from_bp_at ? MEND_BP_PASSED : to_bp_at;
    }
}

/* Every frame of the last walk, moved like that, lies in what is known of the stack. */
static bool can_move(const struct stack_mend *s, uintptr_t moved_bytes)
{
    return !s->stepper.has_crossed && s->sps[0] + moved_bytes <= s->stepper.bounds.now.high;
}

/*
 * Whether the step from frame i, which reads more than a return address, leads to i - 1 with
 * whatever it has moved by, or i - 1 could be mended in place. *moved_bytes is then i - 1's.
 */
__attribute__((noinline)) static bool verify_special(struct stack_mend *s, uint32_t i,
                                                     uintptr_t *moved_bytes)
{
    if (*moved_bytes == 0 && stack_rule_kind(s->rules[i]) == STACK_RULE_BP && is_bp_same(s, i)) {
        uintptr_t pc = *(const uintptr_t *)(s->sps[i - 1] - 8);
        return pc == s->pcs[i - 1] || (i > 1 && mend_in_place(s, i - 1, pc));
    }
    struct stack_cursor to;
    uintptr_t bp_at = bp_at_of(s, i);
    if (step_from(s, i, &to) != STACK_STEP_FRAME || to.pc != s->pcs[i - 1] ||
        to.flags != s->frame_flags[i - 1] || !can_move(s, to.sp - s->sps[i - 1])) {
        return false;
    }
    if (stack_rule_kind(s->rules[i]) == STACK_RULE_BP) {
        (void)stack_step_load_bp(&s->stepper, bp_at, &s->bps[i]);
    }
    note_bp(s, i, bp_at, to.bp_at);
    *moved_bytes = to.sp - s->sps[i - 1];
    s->sps[i - 1] = to.sp;
    return true;
}

/* The same for frames that all lie `moved_bytes` further up than they did: from now on they do. */
static inline uint32_t skip_moved(struct stack_mend *s, uint32_t from, uintptr_t moved_bytes)
{
    size_t i = from;
    while (i > 0 && !is_special(s, i - 1)) {
        uintptr_t slot = s->slots[i - 1] + moved_bytes;
        if (*(const uintptr_t *)slot != s->pcs[i - 1]) {
            break;
        }
        s->slots[i - 1] = slot;
        s->sps[i - 1] = slot + 8;
        i--;
    }
    return (uint32_t)i;
}

/* Puts the frames that a run replaced where they belong: the innermost at `top`. */
static inline void put_run(struct stack_mend *s, uint32_t top, const struct stack_run *run,
                           uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = top - n;
        uint64_t term = stack_term(run[n].pc, 0, i);
        s->slots[i] = run[n].sp - 8;
        s->pcs[i] = run[n].pc;
        s->sps[i] = run[n].sp;
        s->rules[i] = run[n].rule;
        s->frame_flags[i] = 0;
        s->sum += term - s->terms[i];
        s->terms[i] = term;
    }
}

/*
 * Frame `top`, found at (pc, sp), is not what it was: another function was called there, or from
 * another place. A few frames further out the walk mostly meets the old frame of the same index
 * again, be it where it was or moved. Then those between are replaced, *moved_bytes says how far,
 * and that frame's index is returned; else -1 and nothing was done.
 */
static int mend_run(struct stack_mend *s, uint32_t top, uintptr_t pc, uintptr_t sp,
                    uintptr_t *moved_bytes)
{
    struct stack_run run[MEND_RUN_FRAMES];
    uintptr_t high = s->stepper.bounds.now.high;
    for (uint32_t n = 0; n <= top; n++) {
        uint32_t i = top - n;
        if (pc == s->pcs[i] && s->frame_flags[i] == 0) {
            uintptr_t moved = sp - s->sps[i];
            if (moved != 0 && !can_move(s, moved)) {
                return -1;
            }
            put_run(s, top, run, n);
            s->slots[i] = sp - 8;
            s->sps[i] = sp;
            *moved_bytes = moved;
            return (int)i;
        }
        stack_rule rule = rule_of(s, pc);
        uintptr_t cfa = sp + stack_rule_cfa_off(rule);
        if (n == MEND_RUN_FRAMES || !is_plain(rule) || cfa > high) {
            return -1;
        }
        run[n] = (struct stack_run){pc, sp, rule};
        pc = *(const uintptr_t *)(cfa - 8);
        sp = cfa;
    }
    return -1;
}

/*
 * Goes outward from frame `i`, which is verified, as far as memory still says the same, or the same
 * further up or down, or can be mended in place. Returns the last frame verified; 0: all.
 */
static inline uint32_t verify(struct stack_mend *s, uint32_t i, uintptr_t moved_bytes)
{
    for (;;) {
        i = moved_bytes == 0 ? stack_mend_skip_same(s, i) : skip_moved(s, i, moved_bytes);
        if (i == 0) {
            return 0;
        }
        if (__builtin_expect(is_special(s, i - 1), false)) {
            if (!verify_special(s, i, &moved_bytes)) {
                return i;
            }
            i--;
            continue;
        }
        uintptr_t slot = s->slots[i - 1] + moved_bytes;
        int met = mend_run(s, i - 1, *(const uintptr_t *)slot, slot + 8, &moved_bytes);
        if (met < 0) {
            return i;
        }
        i = (uint32_t)met;
    }
}

/*
 * Whether frames outward of frame i stand in memory as the last walk found them. To join at a frame
 * of the same pc and sp is free when the stack is as deep as it was; otherwise every frame further
 * in gets another index, which pays only when it saves as many steps: frames of another call often
 * lie where old ones did by mere chance.
 */
static bool is_worth_joining(const struct stack_mend *s, uint32_t i)
{
    uint32_t end = i > MEND_JOIN_FRAMES ? i - MEND_JOIN_FRAMES : 0;
    while (i > end && stack_mend_is_same(s, i - 1)) {
        i--;
    }
    return i == end || is_special(s, i - 1);
}

/* Frame `old`, of the same sp, is the one found at `at`, and the walk may join there. */
static bool is_same_frame(const struct stack_mend *s, uint32_t old, const struct stack_cursor *at)
{
    return s->pcs[old] == at->pc && s->frame_flags[old] == at->flags && !s->stepper.has_crossed &&
           (old + 1 + s->fresh_count == s->keep || is_worth_joining(s, old));
}

/* The frame found at `at` is what the last walk had at this depth, elsewhere: the frames further
 * in stay at their index, and the walk may go on as if the stack had moved. */
static inline bool is_moved_frame(const struct stack_mend *s, const struct stack_cursor *at)
{
    uint32_t old = s->keep - 1 - s->fresh_count;
    return s->fresh_count < s->keep && s->pcs[old] == at->pc && s->keep < s->count &&
           s->frame_flags[old] == at->flags && can_move(s, at->sp - s->sps[old]);
}

/* One step outward from *here, which becomes fresh. */
static inline enum stack_step_result step_fresh(struct stack_mend *s, struct stack_cursor *here)
{
    struct stack_fresh *fresh = &s->fresh[s->fresh_count++];
    fresh->rule = rule_of(s, return_address(here->pc, here->flags));
    fresh->at = *here;
    if (stack_step_plainly(&s->stepper, here, fresh->rule)) {
        return STACK_STEP_FRAME;
    }
    if (fresh->at.bp_at == MEND_BP_INHERITED) {
        fresh->at.bp_at = bp_at_of(s, s->keep);
    }
    struct stack_cursor to;
    enum stack_step_result result = stack_step(&s->stepper, &fresh->at, fresh->rule, &to);
    *here = to;
    return result;
}

/* Steps outward from `at`, into s->fresh, until a frame is one of the last walk: then
 * STACK_STEP_FRAME and its index in *join. Old frames that lie further in are passed over. */
static enum stack_step_result walk_fresh(struct stack_mend *s, struct stack_cursor *at, int *join)
{
    struct stack_cursor here = *at; /* in registers: one frame's pc leads to the next one's */
    enum stack_step_result result = STACK_STEP_FRAME;
    uint32_t kept = s->count - s->keep;
    int old = (int)s->keep - 1;
    while (result == STACK_STEP_FRAME) {
        while (old >= 0 && s->sps[old] < here.sp) {
            old--;
        }
        if (old >= 0 && s->sps[old] == here.sp && is_same_frame(s, (uint32_t)old, &here)) {
            break;
        }
        if (is_moved_frame(s, &here)) {
            old = (int)(s->keep - 1 - s->fresh_count);
            break;
        }
        if (s->fresh_count + kept == s->depth_max) {
            s->is_too_deep = true;
            result = STACK_STEP_CUT;
            break;
        }
        result = step_fresh(s, &here);
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
    s->terms[to] = stack_term(s->pcs[to], s->frame_flags[to], to);
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

static void put_fresh(struct stack_mend *s, uint32_t i, const struct stack_fresh *fresh,
                      uintptr_t caller_bp_at)
{
    s->slots[i] = slot_of(s, &fresh->at);
    s->pcs[i] = fresh->at.pc;
    s->sps[i] = fresh->at.sp;
    s->rules[i] = fresh->rule;
    s->frame_flags[i] = (uint8_t)fresh->at.flags;
    s->terms[i] = stack_term(fresh->at.pc, fresh->at.flags, i);
    s->sum += s->terms[i];
    if (__builtin_expect(!is_plain(fresh->rule), false)) {
        /* Whether the step succeeded or not: what it read is what it will be compared with. */
        s->bps[i] = 0;
        (void)stack_step_load_bp(&s->stepper, fresh->at.bp_at, &s->bps[i]);
        note_bp(s, i, fresh->at.bp_at, caller_bp_at);
    }
}

/* Puts the fresh frames between old frame `join` (-1: nothing is left of the root's side), which
 * was reached at `at`, and the kept ones. False when the whole would be deeper than the state can
 * hold. */
static bool splice(struct stack_mend *s, int join, const struct stack_cursor *at)
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
    uintptr_t caller_bp_at = at->bp_at;
    for (uint32_t n = s->fresh_count; n > 0; n--) {
        put_fresh(s, keep_to - n, &s->fresh[n - 1], caller_bp_at);
        caller_bp_at = s->fresh[n - 1].at.bp_at;
    }
    s->keep = first;
    s->fresh_count = 0;
    return true;
}

/* Verifies outward from frame `i`, which stands. STACK_STEP_FRAME: *at is the first frame that
 * differs and could not be mended in place; else the walk is complete. */
static enum stack_step_result verify_on(struct stack_mend *s, uint32_t i, uintptr_t moved_bytes,
                                        struct stack_cursor *at)
{
    s->keep = verify(s, i, moved_bytes);
    if (s->keep == 0 && stack_rule_kind(s->rules[0]) == STACK_RULE_OUTERMOST) {
        return STACK_STEP_END;
    }
    enum stack_step_result result = step_from(s, s->keep, at);
    if (result != STACK_STEP_FRAME) {
        (void)splice(s, -1, at);
    }
    return result;
}

/*
 * Makes the last walk this one: `at` and what is outward of it, while [keep, count) stand. Each
 * round joins the last walk, verifies on, and at the first difference begins anew from there, so
 * that no memory is read which this very stack does not lead to. False: it would be too deep to
 * join; the caller walks it whole.
 */
static bool mend(struct stack_mend *s, struct stack_cursor *at, enum stack_step_result result)
{
    while (result == STACK_STEP_FRAME) {
        int join = -1;
        s->fresh_count = 0;
        result = walk_fresh(s, at, &join);
        if (!splice(s, result == STACK_STEP_FRAME ? join : -1, at)) {
            return false;
        }
        if (result == STACK_STEP_FRAME) {
            uintptr_t moved_bytes = at->sp - s->sps[join];
            s->slots[join] = slot_of(s, at);
            s->sps[join] = at->sp;
            result = verify_on(s, (uint32_t)join, moved_bytes, at);
        }
    }
    s->flags = result == STACK_STEP_CUT ? SESSION_NODE_CUT : 0;
    return true;
}

/*
 * The last walk without the frames further in than sp, which have returned; and with those of
 * before that lie beyond sp again. True when the innermost is at sp.
 */
static bool find_top(struct stack_mend *s, uintptr_t sp)
{
    uint32_t count = s->count;
    uint64_t sum = s->sum;
    while (count > 0 && s->sps[count - 1] < sp) {
        count--;
        sum -= s->terms[count];
    }
    while (count < s->known && s->sps[count] >= sp) {
        sum += s->terms[count];
        count++;
    }
    s->count = count;
    s->keep = count;
    s->sum = sum;
    return count > 0 && s->sps[count - 1] == sp;
}

/* The innermost frame of the last walk, which is at the caller's sp, is the caller's own or could
 * be made so. */
static bool is_top_good(struct stack_mend *s, uintptr_t pc, uint32_t last_count)
{
    uint32_t top = s->count - 1;
    if (s->frame_flags[top] != 0 || (s->count != last_count && !is_worth_joining(s, top))) {
        return false;
    }
    struct stack_twin was = {s->pcs[top], s->rules[top], s->terms[top]};
    if (was.pc == pc) {
        return true;
    }
    if (top == 0 || !mend_in_place(s, top, pc)) {
        return false;
    }
    s->twin = was;
    return true;
}

/*
 * Where the innermost frames are as they were, or could be mended: verified from there on, *at is
 * what differs. Else false: *at is the caller. The stack is as deep as it was, at the same place
 * or moved, or less deep or deeper: some of its frames lie further in than the last walk's.
 */
static bool begin_mending(struct stack_mend *s, struct stack_cursor *at,
                          enum stack_step_result *ret_result)
{
    uint32_t count = s->count;
    uint64_t sum = s->sum;
    uintptr_t moved_bytes = 0;
    if (find_top(s, at->sp) && is_top_good(s, at->pc, count)) {
        *ret_result = verify_on(s, s->count - 1, 0, at);
        return true;
    }
    if (count == 0 || s->count == 0 || is_worth_joining(s, s->count - 1)) {
        return false;
    }
    uint32_t found_count = s->count;
    uint64_t found_sum = s->sum;
    s->count = count;
    s->sum = sum;
    int met = mend_run(s, count - 1, at->pc, at->sp, &moved_bytes);
    if (met >= 0) {
        s->known = count;
        *ret_result = verify_on(s, (uint32_t)met, moved_bytes, at);
        return true;
    }
    s->count = found_count;
    s->sum = found_sum;
    return false;
}

static bool walk_from_top(struct stack_mend *s, const struct stack_at *at)
{
    struct stack_cursor from = {at->pc, at->sp, STACK_BP_REGISTER, 0, false};
    enum stack_step_result result = STACK_STEP_FRAME;
    s->is_too_deep = false;
    s->stepper.has_crossed = false;
    s->twin.pc = 0;
    bool is_begun = begin_mending(s, &from, &result);
    uint32_t count = s->count;
    bool is_done = mend(s, &from, result);
    if (!is_begun || s->count != count) {
        s->known = s->count; /* those further in do not lead here any more */
    }
    return is_done;
}

/*
 * A signal handler may siglongjmp out of a hook. Then the walk is half mended, and the bounds or a
 * memo may be half written: nothing of them is believed.
 */
__attribute__((noinline)) static void begin_anew(struct stack_mend *s)
{
    stack_mend_forget(s);
    s->state = STACK_MEND_PART;
    s->stepper.bounds = (struct stack_bounds){.now = {0, 0}};
    s->stepper.epoch = stack_rule_epoch();
    memset(s->memo, 0, sizeof s->memo);
}

void stack_mend_walk(struct stack_mend *s, const struct stack_at *at)
{
    if (s->state == STACK_MEND_BUSY || s->stepper.epoch != stack_rule_epoch()) {
        begin_anew(s);
    }
    s->state = STACK_MEND_BUSY;
    atomic_signal_fence(memory_order_seq_cst); /* pairs with a handler on this thread */
    bool can_join = stack_bounds_enter(&s->stepper.bounds, at->sp - 8) && s->can_join;
    s->stepper.bp = at->bp;
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!can_join || attempt != 0) {
            drop_walk(s);
        }
        if (walk_from_top(s, at)) {
            break;
        }
    }
    s->can_join = !s->is_too_deep && !s->stepper.has_crossed;
    bool is_whole = s->can_join && stack_rule_kind(s->rules[0]) == STACK_RULE_OUTERMOST;
    atomic_signal_fence(memory_order_seq_cst);
    s->state = is_whole ? STACK_MEND_WHOLE : STACK_MEND_PART;
}

void stack_mend_take(struct stack_mend *s, const uintptr_t *pcs, uint32_t count)
{
    if (s->stepper.epoch != stack_rule_epoch()) {
        begin_anew(s);
    }
    stack_mend_forget(s);
    s->count = count < s->depth_max ? count : s->depth_max;
    s->flags = s->count < count ? SESSION_NODE_CUT : 0;
    uint32_t flags = 0;
    for (uint32_t n = 0; n < s->count; n++) {
        uint32_t i = s->count - 1 - n;
        s->pcs[i] = pcs[n];
        s->frame_flags[i] = (uint8_t)flags;
        s->terms[i] = stack_term(pcs[n], flags, i);
        s->sum += s->terms[i];
        stack_rule rule = rule_of(s, return_address(pcs[n], flags));
        flags = (rule & STACK_RULE_SIGNAL) != 0 ? SESSION_NODE_EXACT_PC : 0;
    }
}

bool stack_mend_is_sum_right(const struct stack_mend *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        sum += stack_term(s->pcs[i], s->frame_flags[i], i);
    }
    return sum == s->sum;
}
