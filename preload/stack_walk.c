#include "stack_walk.h"

#include "alloctrap/session.h"

struct stack_state {
    uintptr_t pc;
    uint32_t mode;
    uint32_t depth_max;
};

size_t stack_state_bytes(void)
{
    return sizeof(struct stack_state);
}

void stack_state_init(struct stack_state *state, uint32_t mode, uint32_t depth_max)
{
    state->mode = mode;
    state->depth_max = depth_max;
}

void stack_start(uint32_t mode)
{
    (void)mode;
}

void stack_forget(struct stack_state *state)
{
    state->pc = 0;
}

void stack_capture(struct stack_state *state, const struct stack_at *at, struct stack_ref *ret)
{
    state->pc = at->pc;
    ret->hash = at->pc * UINT64_C(0x9E3779B97F4A7C15) | 1;
    ret->depth = 1;
    ret->flags = SESSION_NODE_CUT;
}

uintptr_t stack_frame(const struct stack_state *state, uint32_t i, uint32_t *ret_flags)
{
    (void)i;
    *ret_flags = SESSION_NODE_CUT;
    return state->pc;
}

void stack_compared(uint32_t *ret_compared, uint32_t *ret_different)
{
    *ret_compared = 0;
    *ret_different = 0;
}
