#include "stack_mend.h"

#include <string.h>

#include "stack_keep.h"
#include "stack_run.h"

enum {
    MEND_JOIN_FRAMES = 12, /* stepping so many costs what moving some forty does */
};

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
    stack_keep_load(s, i, ret);
    return true;
}

void stack_mend_init(struct stack_mend *s, uint32_t depth_max)
{
    uint32_t most = depth_max < STACK_FRAMES_MAX ? depth_max : STACK_FRAMES_MAX;
    s->depth_max = most > 0 ? most : 1;
    s->is_busy = false;
    s->stepper.bounds = (struct stack_bounds){.now = {0, 0}};
    s->stepper.inner = inner_frame;
    s->stepper.inner_context = s;
    s->stepper.epoch = stack_rule_epoch();
    memset(s->memo, 0, sizeof s->memo);
    stack_mend_forget(s);
}

static void set_cut(struct stack_mend *s, bool is_cut)
{
    if (s->is_cut != is_cut) {
        s->hash += is_cut ? STACK_TERM_CUT : -STACK_TERM_CUT;
        stack_mend_unname(s, 0);
        s->is_cut = is_cut;
    }
}

static void drop_walk(struct stack_mend *s)
{
    s->count = 0;
    s->known = 0;
    s->is_cut = false;
    s->names.count = 0;
    s->hash = 0;
    s->top_sp = 0;
    s->stands = 0;
}

static void forget_siblings(struct stack_mend *s)
{
    for (unsigned i = 0; i < 1 << STACK_SIBLING_BITS; i++) {
        s->siblings[i].pc = 0;
    }
}

void stack_mend_forget(struct stack_mend *s)
{
    drop_walk(s);
    forget_siblings(s);
    s->can_join = false;
}

/* As if a call had returned there, where it is the instruction itself. */
static uintptr_t return_address(uintptr_t pc, uint32_t flags)
{
    return stack_step_lookup_pc(pc, flags) + 1;
}

/* Both lead as far, and to the same place, as the rules of two calls in one function do. */
static bool are_alike(stack_rule a, stack_rule b)
{
    stack_rule changes = a ^ b;
    return stack_rule_is_plain(a) ? (changes & ~STACK_RULE_BP_PART) == 0
                                  : changes == 0 && stack_rule_kind(a) == STACK_RULE_BP;
}

/* Frame i stands and returns to `pc`: where the rule of that is alike, the frame is mended in its
 * place, and what lies outward of it is as true as before. */
static bool mend_in_place(struct stack_mend *s, uint32_t i, uintptr_t pc)
{
    stack_rule rule = stack_keep_rule(s, pc);
    if (!are_alike(rule, s->rules[i])) { /* flags are none of a fresh rule's */
        return false;
    }
    uint64_t term = stack_term(pc, 0, i);
    stack_mend_unname(s, i);
    s->rules[i] = rule;
    s->pcs[i] = pc;
    s->hash += term - s->terms[i];
    s->terms[i] = term;
    return true;
}

/* The step outward from frame i, by its own rule. In place: less of the host's stack. */
__attribute__((always_inline)) static inline enum stack_step_result
step_from(struct stack_mend *s, uint32_t i, struct stack_cursor *to)
{
    s->keep = i;
    s->fresh_count = 0;
    stack_keep_load(s, i, to);
    s->from = *to;
    if (stack_step_plainly(&s->stepper, to, s->rules[i])) {
        return STACK_STEP_FRAME;
    }
    s->from.bp_at = stack_keep_bp_at(s, i);
    enum stack_step_result result = stack_step(&s->stepper, &s->from, s->rules[i], to);
    if (stack_rule_kind(s->rules[i]) == STACK_RULE_BP) {
        (void)stack_step_load_bp(&s->stepper, s->from.bp_at, &s->bps[i]);
    }
    stack_keep_note_bp(s, i, s->from.bp_at, to->bp_at);
    return result;
}

static bool is_bp_same(const struct stack_mend *s, uint32_t i)
{
    uintptr_t at = stack_keep_bp_at(s, i);
    if (stack_bounds_has(&s->stepper.bounds, at)) {
        return *(const uintptr_t *)at == s->bps[i];
    }
    return at == STACK_BP_REGISTER && s->stepper.bp == s->bps[i];
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
    struct stack_cursor *to = &s->to;
    if (step_from(s, i, to) != STACK_STEP_FRAME || to->pc != s->pcs[i - 1] ||
        to->flags != stack_rule_flags(s->rules[i - 1]) ||
        !stack_run_can_move(s, to->sp - s->sps[i - 1])) {
        return false;
    }
    *moved_bytes = to->sp - s->sps[i - 1];
    s->sps[i - 1] = to->sp;
    return true;
}

/* The same for frames that all lie `moved_bytes` further up than they did: from now on they do. */
static inline uint32_t skip_moved(struct stack_mend *s, uint32_t from, uintptr_t moved_bytes)
{
    size_t n = from;
    while (n-- > 0) {
        uintptr_t slot = s->slots[n];
        if (slot == (uintptr_t)&s->nowhere) {
            break;
        }
        slot += moved_bytes;
        if (*(const uintptr_t *)slot != s->pcs[n]) {
            break;
        }
        s->slots[n] = slot;
        s->sps[n] = slot + 8;
    }
    return (uint32_t)(n + 1);
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
        bool is_met = true;
        uint32_t from = i;
        if (__builtin_expect(!stack_keep_is_special(s, i - 1), true)) {
            uintptr_t slot = s->slots[i - 1] + moved_bytes;
            i = stack_run_mend(s, i, *(const uintptr_t *)slot, slot + 8, &moved_bytes, &is_met);
        } else if (!stack_run_by_bp(s, &i, &moved_bytes)) {
            is_met = i == from && verify_special(s, i, &moved_bytes);
            i -= is_met;
        }
        if (!is_met) {
            return i;
        }
    }
}

/*
 * Whether frames outward of frame i stand in memory as the last walk found them. To join at a frame
 * of the same pc and sp is free when the stack is as deep as it was; otherwise every frame further
 * in gets another index, which pays only when it saves as many steps: frames of another call often
 * lie where old ones did by mere chance.
 */
static inline bool is_worth_joining(const struct stack_mend *s, size_t i)
{
    size_t end = i > MEND_JOIN_FRAMES ? i - MEND_JOIN_FRAMES : 0;
    while (i >= end + 4 && stack_mend_are_same(s, i - 1)) {
        i -= 4;
    }
    while (i > end && stack_mend_is_same(s, i - 1)) {
        i--;
    }
    return i == end || stack_keep_is_special(s, i - 1);
}

/* Frame `old`, of the same sp, is the one found at `at`, and the walk may join there. */
static bool is_same_frame(const struct stack_mend *s, uint32_t old, const struct stack_cursor *at)
{
    return s->pcs[old] == at->pc && stack_rule_flags(s->rules[old]) == at->flags &&
           !s->stepper.has_crossed &&
           (old + 1 + s->fresh_count == s->keep || is_worth_joining(s, old));
}

/* The frame found at `at` is what the last walk had at this depth, elsewhere: the frames further
 * in stay at their index, and the walk may go on as if the stack had moved. */
static inline bool is_moved_frame(const struct stack_mend *s, const struct stack_cursor *at)
{
    uint32_t old = s->keep - 1 - s->fresh_count;
    return s->fresh_count < s->keep && s->pcs[old] == at->pc &&
           stack_rule_flags(s->rules[old]) == at->flags &&
           stack_run_can_move(s, at->sp - s->sps[old]);
}

/* The step outward from the fresh frame just recorded, where no plain one will do. */
__attribute__((noinline)) static enum stack_step_result step_specially(struct stack_mend *s,
                                                                       struct stack_cursor *ret_to)
{
    struct stack_fresh *fresh = &s->fresh[s->fresh_count - 1];
    if (fresh->at.bp_at == STACK_KEEP_BP_INHERITED) {
        fresh->at.bp_at = stack_keep_bp_at(s, s->keep);
    }
    return stack_step(&s->stepper, &fresh->at, fresh->rule, ret_to);
}

/* Steps outward from `at`, into s->fresh, until a frame is one of the last walk: then
 * STACK_STEP_FRAME and its index in *join. Old frames that lie further in are passed over. */
static enum stack_step_result walk_fresh(struct stack_mend *s, struct stack_cursor *at, int *join)
{
    enum stack_step_result result = STACK_STEP_FRAME;
    struct stack_cursor here = *at; /* in registers: one frame's pc leads to the next one's */
    bool has_kept = s->keep < s->count;
    uint32_t room = s->depth_max - (s->count - s->keep);
    struct stack_fresh *fresh = s->fresh;
    int old = (int)s->keep - 1;
    for (; result == STACK_STEP_FRAME; fresh++) {
        while (old >= 0 && s->sps[old] < here.sp) {
            old--;
        }
        if (old >= 0 && s->sps[old] == here.sp && is_same_frame(s, (uint32_t)old, &here)) {
            break;
        }
        if (has_kept && is_moved_frame(s, &here)) {
            old = (int)(s->keep - 1 - s->fresh_count);
            break;
        }
        if (s->fresh_count == room) {
            s->is_too_deep = true;
            result = STACK_STEP_CUT;
            break;
        }
        fresh->at = here;
        fresh->rule = stack_keep_rule(s, return_address(here.pc, here.flags));
        s->fresh_count++;
        if (!stack_step_plainly(&s->stepper, &here, fresh->rule) &&
            !stack_step_by_bp(&s->stepper, &here, fresh->rule)) {
            result = step_specially(s, at);
            here = *at;
        }
    }
    *at = here;
    *join = old;
    return result;
}

/* Frame `i` stands. STACK_STEP_FRAME: *at is the one outward of it; else the walk is complete. */
__attribute__((noinline)) static enum stack_step_result go_on(struct stack_mend *s, uint32_t i,
                                                              struct stack_cursor *at)
{
    s->keep = i;
    if (i == 0 && stack_rule_kind(s->rules[0]) == STACK_RULE_OUTERMOST) {
        return STACK_STEP_END;
    }
    enum stack_step_result result = step_from(s, i, at);
    if (result != STACK_STEP_FRAME) {
        (void)stack_keep_splice(s, -1, at);
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
        if (!stack_keep_splice(s, result == STACK_STEP_FRAME ? join : -1, at)) {
            return false;
        }
        if (result == STACK_STEP_FRAME) {
            uintptr_t moved_bytes = at->sp - s->sps[join];
            s->slots[join] = stack_keep_slot(s, at);
            s->sps[join] = at->sp;
            result = go_on(s, verify(s, (uint32_t)join, moved_bytes), at);
        }
    }
    set_cut(s, result == STACK_STEP_CUT);
    return true;
}

/*
 * The last walk without the frames further in than sp, which have returned; and with those of
 * before that lie beyond sp again. True when the innermost is at sp.
 */
static bool find_top(struct stack_mend *s, uintptr_t sp)
{
    uint32_t count = s->count;
    uint64_t sum = s->hash;
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
    s->hash = sum;
    return count > 0 && s->sps[count - 1] == sp;
}

/* The innermost frame of the last walk, which is at the caller's sp, is the caller's own or could
 * be made so. */
static inline bool is_top_good(struct stack_mend *s, uintptr_t pc, uint32_t last_count)
{
    uint32_t top = s->count - 1;
    if (s->pcs[top] == pc) {
        return stack_rule_flags(s->rules[top]) == 0;
    }
    return top != 0 && (s->count == last_count || is_worth_joining(s, top)) &&
           mend_in_place(s, top, pc);
}

/* As if the stack were as deep as it was, `count` frames with the sum `hash`, and had moved. */
static bool begin_moved(struct stack_mend *s, struct stack_cursor *at, uint32_t count,
                        uint64_t hash, enum stack_step_result *ret_result)
{
    uint32_t found_count = s->count;
    uint64_t found_hash = s->hash;
    uintptr_t moved_bytes = 0;
    bool is_met = false;
    s->count = count;
    s->hash = hash;
    uint32_t i = stack_run_mend(s, count, at->pc, at->sp, &moved_bytes, &is_met);
    if (i == count) {
        s->count = found_count;
        s->hash = found_hash;
        return false;
    }
    s->known = count;
    *ret_result = go_on(s, is_met ? verify(s, i, moved_bytes) : i, at);
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
    uint64_t hash = s->hash;
    if (find_top(s, at->sp) && is_top_good(s, at->pc, count)) {
        *ret_result = go_on(s, verify(s, s->count - 1, 0), at);
        return true;
    }
    if (s->count < STACK_RUN_FRAMES || is_worth_joining(s, s->count - STACK_RUN_FRAMES)) {
        return false; /* others were called from where some of these were */
    }
    return begin_moved(s, at, count, hash, ret_result);
}

static bool walk_from_top(struct stack_mend *s, const struct stack_at *at)
{
    struct stack_cursor *from = &s->at;
    *from = (struct stack_cursor){at->pc, at->sp, STACK_BP_REGISTER, 0, false};
    enum stack_step_result result = STACK_STEP_FRAME;
    s->is_too_deep = false;
    s->stepper.has_crossed = false;
    bool is_begun = begin_mending(s, from, &result);
    uint32_t count = s->count;
    bool is_done = mend(s, from, result);
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
    s->stepper.bounds = (struct stack_bounds){.now = {0, 0}};
    s->stepper.epoch = stack_rule_epoch();
    memset(s->memo, 0, sizeof s->memo);
}

/* Those of before are siblings of this walk's innermost frame too, when what is outward of it has
 * the same identity. */
static void keep_siblings(struct stack_mend *s)
{
    uint32_t top = s->count - 1;
    uint64_t outer = s->hash - s->terms[top];
    if (s->siblings_outer != outer || s->siblings_index != top ||
        !are_alike(s->siblings_rule, s->rules[top])) {
        forget_siblings(s);
    }
    s->siblings_outer = outer;
    s->siblings_index = top;
    s->siblings_rule = s->rules[top];
}

void stack_mend_walk(struct stack_mend *s, const struct stack_at *at)
{
    if (s->is_busy || s->stepper.epoch != stack_rule_epoch()) {
        begin_anew(s);
    }
    s->is_busy = true;
    s->top_sp = 0;
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
    if (is_whole) {
        keep_siblings(s);
    }
    atomic_signal_fence(memory_order_seq_cst);
    s->is_busy = false;
    s->top_sp = is_whole ? at->sp : 0;
}

void *stack_mend_follow_bp(struct stack_mend *s, uintptr_t pc, uintptr_t bp)
{
    const struct stack_sibling *sibling = stack_mend_sibling(s, pc);
    if (sibling->rule != s->rules[s->count - 1] || !stack_keep_is_special(s, s->stands - 1)) {
        return NULL;
    }
    s->stepper.bp = bp;
    return stack_run_skip_by_bp(s, s->stands) == 0 ? sibling->note : NULL;
}

void stack_mend_note(struct stack_mend *s, void *note)
{
    if (s->top_sp == 0) {
        return;
    }
    uint32_t top = s->count - 1;
    uintptr_t pc = s->pcs[top];
    struct stack_sibling *sibling = stack_mend_siblings(s, pc);
    if (sibling[0].pc != pc) {
        sibling[1].pc = 0;
        atomic_signal_fence(memory_order_seq_cst); /* pairs with a handler that jumps away */
        sibling[1].note = sibling[0].note;
        sibling[1].rule = sibling[0].rule;
        atomic_signal_fence(memory_order_seq_cst);
        sibling[1].pc = sibling[0].pc;
    }
    sibling[0].pc = 0;
    atomic_signal_fence(memory_order_seq_cst);
    sibling[0].note = note;
    sibling[0].rule = s->rules[top];
    atomic_signal_fence(memory_order_seq_cst);
    sibling[0].pc = pc;
}

void stack_mend_take(struct stack_mend *s, const uintptr_t *pcs, uint32_t count, bool is_cut)
{
    if (s->stepper.epoch != stack_rule_epoch()) {
        begin_anew(s);
    }
    stack_mend_forget(s);
    s->count = count < s->depth_max ? count : s->depth_max;
    set_cut(s, is_cut || s->count < count);
    uint32_t flags = 0;
    for (uint32_t n = 0; n < s->count; n++) {
        uint32_t i = s->count - 1 - n;
        s->pcs[i] = pcs[n];
        s->rules[i] = stack_rule_with_flags(0, flags);
        s->terms[i] = stack_term(pcs[n], flags, i);
        s->hash += s->terms[i];
        stack_rule rule = stack_keep_rule(s, return_address(pcs[n], flags));
        flags = (rule & STACK_RULE_SIGNAL) != 0 ? SESSION_NODE_EXACT_PC : 0;
    }
}

bool stack_mend_is_sum_right(const struct stack_mend *s)
{
    uint64_t sum = s->is_cut ? STACK_TERM_CUT : 0;
    for (uint32_t i = 0; i < s->count; i++) {
        sum += stack_term(s->pcs[i], stack_rule_flags(s->rules[i]), i);
    }
    return sum == s->hash;
}
