#include "hook_guard.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

/* A stack of our own, so that frames lie where the test wants them. */
static uintptr_t stack[1024];

static struct stack_at hook_at(unsigned slot, uintptr_t pc)
{
    stack[slot - 1] = pc;
    return (struct stack_at){.pc = pc, .sp = (uintptr_t)&stack[slot]};
}

Test(hook_guard, the_first_call_enters_and_leaves)
{
    struct stack_at at = hook_at(500, 11);
    cr_assert_eq(hook_guard_enter(&at), HOOK_GUARD_ENTERED);
    hook_guard_leave();
    cr_assert_eq(hook_guard_enter(&at), HOOK_GUARD_ENTERED);
}

Test(hook_guard, a_call_inside_tells_whose_code_it_interrupts)
{
    struct stack_at outer = hook_at(500, 11);
    struct stack_at inner = hook_at(400, 12);
    (void)hook_guard_enter(&outer);
    cr_assert_eq(hook_guard_enter(&inner), HOOK_GUARD_NESTED);
    hook_guard_phase(HOOK_IN_REAL);
    cr_assert_eq(hook_guard_enter(&inner), HOOK_GUARD_INSIDE);
}

Test(hook_guard, a_frame_above_shows_that_the_last_hook_was_left)
{
    struct stack_at left = hook_at(500, 11);
    struct stack_at above = hook_at(600, 12);
    (void)hook_guard_enter(&left);
    hook_guard_phase(HOOK_IN_REAL);
    cr_assert_eq(hook_guard_enter(&above), HOOK_GUARD_ENTERED_STALE);
    cr_assert_eq(hook_tls.phase, HOOK_IN_OURS);
}

Test(hook_guard, the_same_place_again_shows_it_too)
{
    struct stack_at at = hook_at(500, 11);
    (void)hook_guard_enter(&at);
    cr_assert_eq(hook_guard_enter(&at), HOOK_GUARD_ENTERED_STALE);
}

Test(hook_guard, an_overwritten_return_address_shows_it_from_below)
{
    struct stack_at left = hook_at(500, 11);
    struct stack_at deeper = hook_at(400, 12);
    (void)hook_guard_enter(&left);
    stack[499] = 13;
    cr_assert_eq(hook_guard_enter(&deeper), HOOK_GUARD_ENTERED_STALE);
}

static enum hook_guard_result seen_in_handler;

static void on_signal(int number)
{
    (void)number;
    struct stack_at above = hook_at(600, 12);
    seen_in_handler = hook_guard_enter(&above);
}

Test(hook_guard, a_handler_on_an_alternate_stack_is_nested_wherever_that_lies)
{
    stack_t alternate = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaltstack(&alternate, NULL);
    sigaction(SIGUSR1, &action, NULL);
    struct stack_at outer = hook_at(500, 11);
    (void)hook_guard_enter(&outer);
    raise(SIGUSR1);
    cr_assert_eq(seen_in_handler, HOOK_GUARD_NESTED);
}
