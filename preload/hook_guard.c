#include "hook_guard.h"

#include "base_sys.h"

#include <signal.h>

enum { SAME_STACK_BYTES = 1 << 20 /* farther frames may be on a stack that is gone */ };

/* No thread starts in a generation that the process is in: its first hook takes the slow way. */
_Thread_local struct hook_tls hook_tls = {.generation = UINT32_MAX};

static bool is_on_alternate_stack(void)
{
    stack_t now = {0};
    if (!sys_may_call()) {
        return true; /* unknown: a guard that stays up costs order, one that falls costs more */
    }
    return sys_call3(SYS_sigaltstack, 0, (long)&now, 0) == 0 && (now.ss_flags & SS_ONSTACK) != 0;
}

static bool is_stale(uintptr_t sp)
{
    uintptr_t outer = hook_tls.guard_sp;
    if (sp >= outer) {
        return !is_on_alternate_stack();
    }
    return outer - sp < SAME_STACK_BYTES &&
           ((volatile const uintptr_t *)outer)[-1] != hook_tls.guard_pc;
}

enum hook_guard_result hook_guard_enter(const struct stack_at *at)
{
    if (hook_tls.guard_sp == 0) {
        hook_guard_raise(at->pc, at->sp);
        return HOOK_GUARD_ENTERED;
    }
    if (is_stale(at->sp)) {
        hook_guard_raise(at->pc, at->sp);
        hook_guard_phase(HOOK_IN_OURS);
        return HOOK_GUARD_ENTERED_STALE;
    }
    return hook_tls.phase == HOOK_IN_REAL ? HOOK_GUARD_INSIDE : HOOK_GUARD_NESTED;
}
