#include "stack_walk.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "alloctrap/session.h"
#include "stack_step.h"
#include "stack_unwind.h"

/*
 * The last walk, index 0 = outermost. A capture verifies it from the inside out and mends what
 * differs (docs/decisions/0001-stack-walk.md). What the verification reads of every frame is in
 * arrays of its own: slot and pc, 16 bytes a frame.
 */
enum {
    WALK_FRAMES_MAX = SESSION_DEPTH_MAX,
    WALK_SPECIAL = 1, /* in a slot: the step to this frame took more than a return address */
    WALK_UNWOUND_MAX = WALK_FRAMES_MAX + 64 /* with the frames of our own code */
};

#define WALK_CUT_TERM UINT64_C(0xA0761D6478BD642F)

/* A frame found by a step, before its index from the root is known. */
struct walk_fresh {
    struct stack_cursor at;
    stack_rule rule;
};

struct stack_state {
    struct stack_stepper stepper;
    uint32_t mode;
    uint32_t depth_max;
    uint32_t count;   /* frames of the last walk */
    uint32_t flags;   /* SESSION_NODE_CUT */
    bool can_join;    /* the last walk may be verified: one stack, not cut by the depth limit */
    bool is_too_deep; /* this walk is cut by the depth limit */
    bool is_busy;     /* inside a capture; seen at its start: a siglongjmp left the last one */
    uint32_t keep;    /* frames from this index inward are verified for this capture */
    uint32_t fresh_count;
    uint64_t sum;                     /* of terms[0 .. count) */
    uintptr_t slots[WALK_FRAMES_MAX]; /* address of the return address, or WALK_SPECIAL */
    uintptr_t pcs[WALK_FRAMES_MAX];
    uintptr_t sps[WALK_FRAMES_MAX];
    uintptr_t bp_ats[WALK_FRAMES_MAX];
    uintptr_t bps[WALK_FRAMES_MAX]; /* bp's value, where the frame's rule needs it */
    uint64_t terms[WALK_FRAMES_MAX];
    stack_rule rules[WALK_FRAMES_MAX]; /* from this frame outward */
    uint8_t frame_flags[WALK_FRAMES_MAX];
    struct walk_fresh fresh[WALK_FRAMES_MAX];
    uintptr_t walked[WALK_FRAMES_MAX];   /* COMPARE: the walk, innermost first */
    uintptr_t unwound[WALK_UNWOUND_MAX]; /* COMPARE and UNWIND: libunwind's answer */
};

size_t stack_state_bytes(void)
{
    return sizeof(struct stack_state);
}

/* A frame's part of the identity; index from the outermost frame. */
static uint64_t term_of(uintptr_t pc, uint32_t flags, uint32_t index)
{
    uint64_t x = pc ^ (uint64_t)flags << 56;
    x += (index + UINT64_C(1)) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    x = (x ^ x >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    return x ^ x >> 32;
}

static void load_frame(const struct stack_state *s, uint32_t i, struct stack_cursor *ret)
{
    ret->pc = s->pcs[i];
    ret->sp = s->sps[i];
    ret->bp_at = s->bp_ats[i];
    ret->flags = s->frame_flags[i];
    ret->is_special = s->slots[i] == WALK_SPECIAL;
}

/* The frames inwards of where the walk stands: fresh ones, then those verified. */
static bool inner_frame(const void *context, uint32_t n, struct stack_cursor *ret)
{
    const struct stack_state *s = context;
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

void stack_state_init(struct stack_state *state, uint32_t mode, uint32_t depth_max)
{
    state->mode = mode;
    state->depth_max = depth_max < 1                 ? 1
                       : depth_max > WALK_FRAMES_MAX ? WALK_FRAMES_MAX
                                                     : depth_max;
    state->count = 0;
    state->sum = 0;
    state->can_join = false;
    state->is_busy = false;
    state->stepper.bounds = (struct stack_bounds){.now = {0, 0}};
    state->stepper.inner = inner_frame;
    state->stepper.inner_context = state;
}

void stack_start(uint32_t mode)
{
    if (mode == SESSION_STACKS_UNWIND || mode == SESSION_STACKS_COMPARE) {
        (void)stack_unwind_start();
    }
}

static void drop_walk(struct stack_state *s)
{
    s->count = 0;
    s->sum = 0;
}

void stack_forget(struct stack_state *state)
{
    stack_rule_forget();
    drop_walk(state);
    state->can_join = false;
}

/* True when the value of bp in frame i is what it was when frame i's rule was applied. */
static bool is_bp_same(const struct stack_state *s, uint32_t i)
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
static void move_bp(struct stack_state *s, uint32_t i, uintptr_t bp_at)
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
static enum stack_step_result step_from(struct stack_state *s, uint32_t i, struct stack_cursor *to)
{
    struct stack_cursor from;
    s->keep = i;
    s->fresh_count = 0;
    load_frame(s, i, &from);
    return stack_step(&s->stepper, &from, s->rules[i], to);
}

/* Whether the step from frame i, which reads more than a return address, still leads to i - 1. */
static bool is_special_same(struct stack_state *s, uint32_t i)
{
    if (stack_rule_kind(s->rules[i]) == STACK_RULE_BP) {
        return is_bp_same(s, i) && *(const uintptr_t *)(s->sps[i - 1] - 8) == s->pcs[i - 1];
    }
    struct stack_cursor to;
    if (step_from(s, i, &to) != STACK_STEP_FRAME || to.pc != s->pcs[i - 1] ||
        to.sp != s->sps[i - 1] || to.flags != s->frame_flags[i - 1]) {
        return false;
    }
    move_bp(s, i - 1, to.bp_at);
    return true;
}

/* Goes outward from frame `i`, which is verified, as far as memory still says the same. Returns the
 * last frame verified; 0: all. */
static uint32_t verify(struct stack_state *s, uint32_t i)
{
    for (; i > 0; i--) {
        uintptr_t slot = s->slots[i - 1];
        if ((slot & WALK_SPECIAL) != 0) {
            if (!is_special_same(s, i)) {
                return i;
            }
        } else if (*(const uintptr_t *)slot != s->pcs[i - 1]) {
            return i;
        }
    }
    return 0;
}

/* Steps outward from `at`, into s->fresh, until a frame is one of the last walk: then
 * STACK_STEP_FRAME and its index in *join. Old frames that lie further in are passed over. */
static enum stack_step_result walk_fresh(struct stack_state *s, struct stack_cursor *at, int *join)
{
    uint32_t kept = s->count - s->keep;
    int old = *join;
    for (;;) {
        while (old >= 0 && s->sps[old] < at->sp) {
            old--;
        }
        *join = old;
        if (old >= 0 && s->sps[old] == at->sp && s->pcs[old] == at->pc &&
            s->frame_flags[old] == at->flags && !s->stepper.has_crossed) {
            return STACK_STEP_FRAME;
        }
        if (s->fresh_count + kept == s->depth_max) {
            s->is_too_deep = true;
            return STACK_STEP_CUT;
        }
        struct walk_fresh *fresh = &s->fresh[s->fresh_count++];
        uintptr_t pc = stack_step_lookup_pc(at->pc, at->flags);
        fresh->rule = stack_rule_find(&s->stepper.machine, pc, s->stepper.epoch);
        fresh->at = *at;
        enum stack_step_result result = stack_step(&s->stepper, &fresh->at, fresh->rule, at);
        if (result != STACK_STEP_FRAME) {
            return result;
        }
    }
}

/* Frame i of the last walk moves to index `to`. */
static void move_frame(struct stack_state *s, uint32_t i, uint32_t to)
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
static void shift_kept(struct stack_state *s, uint32_t to)
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

static void put_fresh(struct stack_state *s, uint32_t i, const struct walk_fresh *fresh)
{
    s->slots[i] = fresh->at.is_special ? WALK_SPECIAL : fresh->at.sp - 8;
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
static bool splice(struct stack_state *s, int join)
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
static void join_at(struct stack_state *s, uint32_t join, const struct stack_cursor *at)
{
    s->slots[join] = at->is_special ? WALK_SPECIAL : at->sp - 8;
    move_bp(s, join, at->bp_at);
}

/*
 * Makes the last walk this one: `at` and what is outward of it, while [keep, count) stand. Each
 * round joins the last walk, verifies on, and at the first difference begins anew from there, so
 * that no memory is read which this very stack does not lead to. False: it would be too deep to
 * join; the caller walks it whole.
 */
static bool mend(struct stack_state *s, struct stack_cursor *at)
{
    enum stack_step_result result = STACK_STEP_FRAME;
    int join = (int)s->keep - 1;
    while (result == STACK_STEP_FRAME) {
        s->fresh_count = 0;
        result = walk_fresh(s, at, &join);
        if (result != STACK_STEP_FRAME) {
            join = -1;
        }
        if (!splice(s, join)) {
            return false;
        }
        if (result != STACK_STEP_FRAME) {
            break;
        }
        join_at(s, (uint32_t)join, at);
        s->keep = verify(s, (uint32_t)join);
        if (s->keep == 0 && stack_rule_kind(s->rules[0]) == STACK_RULE_OUTERMOST) {
            break;
        }
        join = (int)s->keep - 1;
        result = step_from(s, s->keep, at);
        if (result != STACK_STEP_FRAME) {
            (void)splice(s, -1);
        }
    }
    s->flags = result == STACK_STEP_CUT ? SESSION_NODE_CUT : 0;
    return true;
}

/* Old frames further in than sp have returned: they leave the walk. */
static void drop_returned(struct stack_state *s, uintptr_t sp)
{
    while (s->count > 0 && s->sps[s->count - 1] < sp) {
        s->count--;
        s->sum -= s->terms[s->count];
    }
    s->keep = s->count;
}

/*
 * A signal handler may siglongjmp out of a hook. Then the walk is half mended and the bounds may be
 * half written: nothing of them is believed.
 */
static void begin(struct stack_state *s)
{
    if (s->is_busy) {
        s->can_join = false;
        s->stepper.bounds = (struct stack_bounds){.now = {0, 0}};
    }
    s->is_busy = true;
    atomic_signal_fence(memory_order_seq_cst); /* pairs with a handler on this thread */
}

static void end(struct stack_state *s)
{
    atomic_signal_fence(memory_order_seq_cst);
    s->is_busy = false;
}

static void walk(struct stack_state *s, const struct stack_at *at)
{
    begin(s);
    bool can_join = stack_bounds_enter(&s->stepper.bounds, at->sp - 8) && s->can_join;
    s->stepper.bp = at->bp;
    s->stepper.epoch = stack_rule_epoch();
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

static void answer(const struct stack_state *s, struct stack_ref *ret)
{
    uint64_t hash = s->sum + ((s->flags & SESSION_NODE_CUT) != 0 ? WALK_CUT_TERM : 0);
    ret->hash = hash != 0 ? hash : 1;
    ret->depth = s->count;
    ret->flags = s->flags;
}

/* Frames as the recorder gets them from somebody else's walk, innermost first. */
static void take_frames(struct stack_state *s, const uintptr_t *pcs, uint32_t count, bool is_cut)
{
    uint32_t kept = count < s->depth_max ? count : s->depth_max;
    drop_walk(s);
    s->can_join = false;
    s->flags = is_cut || kept < count ? SESSION_NODE_CUT : 0;
    bool is_exact = false;
    for (uint32_t n = 0; n < kept; n++) {
        uint32_t i = kept - 1 - n;
        uint32_t flags = is_exact ? SESSION_NODE_EXACT_PC : 0;
        uintptr_t pc = stack_step_lookup_pc(pcs[n], flags);
        stack_rule rule = stack_rule_find(&s->stepper.machine, pc, s->stepper.epoch);
        is_exact = (rule & STACK_RULE_SIGNAL) != 0;
        s->pcs[i] = pcs[n];
        s->frame_flags[i] = (uint8_t)flags;
        s->terms[i] = term_of(pcs[n], flags, i);
        s->sum += s->terms[i];
    }
    s->count = kept;
}

static void unwind(struct stack_state *s, const struct stack_at *at)
{
    uintptr_t *first = NULL;
    s->stepper.epoch = stack_rule_epoch();
    uint32_t count = stack_unwind_from(at->pc, s->unwound, WALK_UNWOUND_MAX, &first);
    if (count == 0) {
        take_frames(s, &at->pc, 1, true);
    } else {
        take_frames(s, first, count, false);
    }
}

/* Mending adds and takes terms; from the frames anew, the sum must be the same. */
static bool is_sum_right(const struct stack_state *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        sum += term_of(s->pcs[i], s->frame_flags[i], i);
    }
    return sum == s->sum;
}

/* The walk against libunwind, as far as the walk claims to know: up to a guessed frame. */
static void compare(struct stack_state *s, const struct stack_at *at)
{
    uintptr_t *first = NULL;
    uint32_t unwound = stack_unwind_from(at->pc, s->unwound, WALK_UNWOUND_MAX, &first);
    uint32_t sure = 0;
    for (; sure < s->count; sure++) {
        uint32_t i = s->count - 1 - sure;
        if ((s->frame_flags[i] & SESSION_NODE_GUESSED) != 0) {
            break;
        }
        s->walked[sure] = s->pcs[i];
    }
    bool is_whole = sure == s->count && s->count < s->depth_max;
    bool is_different = unwound < sure || (is_whole && unwound != sure) || !is_sum_right(s);
    for (uint32_t i = 0; !is_different && i < sure; i++) {
        is_different = s->walked[i] != first[i];
    }
    stack_unwind_judge(is_different, s->walked, sure, first, unwound);
}

void stack_capture(struct stack_state *state, const struct stack_at *at, struct stack_ref *ret)
{
    if (state->mode == SESSION_STACKS_WALK) {
        walk(state, at);
        answer(state, ret);
        return;
    }
    int host_errno = errno;
    if (state->mode == SESSION_STACKS_UNWIND) {
        unwind(state, at);
    } else if (state->mode == SESSION_STACKS_COMPARE) {
        walk(state, at);
        compare(state, at);
    } else {
        take_frames(state, &at->pc, 1, true);
    }
    answer(state, ret);
    errno = host_errno;
}

uintptr_t stack_frame(const struct stack_state *state, uint32_t i, uint32_t *ret_flags)
{
    *ret_flags = state->frame_flags[i] | (i == 0 ? state->flags : 0);
    return state->pcs[i];
}

void stack_compared(uint32_t *ret_compared, uint32_t *ret_different)
{
    stack_unwind_counts(ret_compared, ret_different);
}
