#include "stack_walk.h"

#include <errno.h>
#include <stdbool.h>

#include "alloctrap/session.h"
#include "stack_mend.h"
#include "stack_recall.h"
#include "stack_unwind.h"

enum {
    WALK_UNWOUND_MAX = STACK_FRAMES_MAX + 64, /* with the frames of our own code */
    /* Captures that are walked at once, where stacks hardly ever come back: twice as many each
     * time. */
    WALK_REST_FIRST = 2048,
    WALK_REST_MOST = 32768
};
#define WALK_ALWAYS UINT32_MAX

struct stack_state {
    struct stack_mend mend;
    uint32_t mode;
    uint32_t walks_left;                 /* captures without a look at what is remembered */
    uint32_t rest;                       /* how many that is to be, next time */
    bool is_searched;                    /* stack_known() has looked */
    uintptr_t top_sp;                    /* COMPARE: mend.top_sp, which is 0 between captures */
    uintptr_t walked[STACK_FRAMES_MAX];  /* COMPARE: the walk, innermost first */
    uintptr_t unwound[WALK_UNWOUND_MAX]; /* COMPARE and UNWIND: libunwind's answer */
    struct stack_recall recall;
};

_Static_assert(sizeof(struct stack_state) <= 832 << 10, "a thread's scratch memory");

size_t stack_state_bytes(void)
{
    return sizeof(struct stack_state);
}

void stack_state_init(struct stack_state *state, uint32_t mode, uint32_t depth_max,
                      struct stack_range home)
{
    state->mode = mode;
    state->rest = WALK_REST_FIRST;
    state->walks_left = mode == SESSION_STACKS_WALK ? 0 : WALK_ALWAYS;
    stack_recall_forget(&state->recall, home);
    stack_mend_init(&state->mend, depth_max);
}

void stack_start(uint32_t mode)
{
    if (mode == SESSION_STACKS_UNWIND || mode == SESSION_STACKS_COMPARE) {
        (void)stack_unwind_start();
    }
}

void stack_forget(struct stack_state *state)
{
    stack_rule_forget();
    stack_mend_forget(&state->mend);
    stack_recall_forget(&state->recall, state->recall.guesses.home);
    state->top_sp = 0;
}

struct stack_mend *stack_last_walk(struct stack_state *state)
{
    return &state->mend;
}

static void take_innermost(struct stack_state *s, const struct stack_at *at)
{
    stack_mend_take(&s->mend, &at->pc, 1, true);
}

static void unwind(struct stack_state *s, const struct stack_at *at)
{
    uintptr_t *first = NULL;
    uint32_t count = stack_unwind_from(at->pc, s->unwound, WALK_UNWOUND_MAX, &first);
    if (count == 0) {
        take_innermost(s, at);
    } else {
        stack_mend_take(&s->mend, first, count, false);
    }
}

/* The walk against libunwind, as far as the walk claims to know: up to a guessed frame. */
static void compare(struct stack_state *s, const struct stack_at *at, bool is_known_wrongly)
{
    const struct stack_mend *mend = &s->mend;
    uintptr_t *first = NULL;
    uint32_t unwound = stack_unwind_from(at->pc, s->unwound, WALK_UNWOUND_MAX, &first);
    uint32_t sure = 0;
    for (; sure < mend->count; sure++) {
        uint32_t i = mend->count - 1 - sure;
        if ((stack_rule_flags(mend->rules[i]) & SESSION_NODE_GUESSED) != 0) {
            break;
        }
        s->walked[sure] = mend->pcs[i];
    }
    bool is_whole = sure == mend->count && mend->count < mend->depth_max;
    bool is_different = unwound < sure || (is_whole && unwound != sure);
    for (uint32_t i = 0; !is_different && i < sure; i++) {
        is_different = s->walked[i] != first[i];
    }
    is_different = is_different || is_known_wrongly || !stack_mend_is_sum_right(mend);
    stack_unwind_judge(is_different, s->walked, sure, first, unwound);
}

/* The quick ways to a stack are not open in these modes; here they are tried as well: what they
 * say is compared with the walk. */
static void walk_and_compare(struct stack_state *s, const struct stack_at *at)
{
    struct stack_mend *mend = &s->mend;
    mend->top_sp = s->top_sp;
    const void *again = stack_mend_again(mend, at->pc, at->sp);
    again = again == NULL ? stack_mend_by_bp(mend, at->pc, at->bp) : again;
    const void *known = stack_recall_find(&s->recall, at);
    stack_mend_walk(mend, at);
    void *hash = (void *)mend->hash;
    stack_mend_note(mend, hash);
    if (known == NULL && mend->top_sp != 0) {
        stack_recall_note(&s->recall, mend, hash);
    }
    s->top_sp = mend->top_sp;
    mend->top_sp = 0;
    compare(s, at, (known != NULL && known != hash) || (again != NULL && again != hash));
}

/* The ways that serve tests; out of line, since walks are made with their stack as well. */
__attribute__((noinline)) static void capture_otherwise(struct stack_state *s,
                                                        const struct stack_at *at)
{
    int host_errno = errno;
    if (s->mode == SESSION_STACKS_UNWIND) {
        unwind(s, at);
    } else if (s->mode == SESSION_STACKS_COMPARE) {
        walk_and_compare(s, at);
    } else {
        take_innermost(s, at);
    }
    errno = host_errno;
}

void *stack_known(struct stack_state *state, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    const struct stack_at at = {pc, sp, bp}; /* in registers */
    void *note = stack_mend_by_bp(&state->mend, pc, bp);
    if (__builtin_expect(note != NULL || state->walks_left != 0, false)) {
        state->walks_left -= note == NULL && state->walks_left != WALK_ALWAYS;
        state->is_searched = false;
        return note;
    }
    state->is_searched = true;
    return stack_recall_find(&state->recall, &at);
}

static void judge_recall(struct stack_state *s)
{
    enum stack_recall_worth worth = stack_recall_judge(&s->recall);
    if (worth == STACK_RECALL_POOR) {
        s->walks_left = s->rest;
        s->rest = s->rest < WALK_REST_MOST ? s->rest * 2 : s->rest;
    } else if (worth == STACK_RECALL_GOOD) {
        s->rest = WALK_REST_FIRST;
    }
}

void stack_note(struct stack_state *state, void *note)
{
    stack_mend_note(&state->mend, note);
    if (state->is_searched && state->mend.top_sp != 0) {
        stack_recall_note(&state->recall, &state->mend, note);
    }
    if (state->is_searched) {
        judge_recall(state);
    }
}

void stack_capture(struct stack_state *state, const struct stack_at *at)
{
    if (__builtin_expect(state->mode == SESSION_STACKS_WALK, true)) {
        stack_mend_walk(&state->mend, at);
    } else {
        capture_otherwise(state, at);
    }
}

uint64_t stack_identity(const struct stack_state *state)
{
    return state->mend.hash;
}

uint32_t stack_depth(const struct stack_state *state)
{
    return state->mend.count;
}

struct stack_names *stack_names(struct stack_state *state)
{
    struct stack_names *names = &state->mend.names;
    names->count = names->count < state->mend.count ? names->count : state->mend.count;
    return names;
}

uintptr_t stack_frame(const struct stack_state *state, uint32_t i, uint32_t *ret_flags)
{
    *ret_flags = stack_rule_flags(state->mend.rules[i]) |
                 (i == 0 && state->mend.is_cut ? SESSION_NODE_CUT : 0);
    return state->mend.pcs[i];
}

void stack_compared(uint32_t *ret_compared, uint32_t *ret_different)
{
    stack_unwind_counts(ret_compared, ret_different);
}
