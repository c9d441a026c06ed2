/*
 * hook_confine - what a host does to itself through libc and we must know of, forwarded as it is:
 * filters of system calls, of which hook_seal is told before, and forks, of which hook_life is told
 * in the child: it may have been forked by a handler in the middle of a hook.
 * All other uses of syscall(3) jump on without a frame of ours: a vfork by
 * syscall(3) returns twice, and would find our frame overwritten.
 */
#include "base_sys.h"
#include "hook_export.h"
#include "hook_life.h"
#include "hook_next.h"
#include "hook_seal.h"

#include <stdarg.h>
#include <sys/prctl.h>

/* The next syscall(3), for the jump below; NULL before our start. */
__attribute__((visibility("hidden"))) extern long (*hook_confine_next)(long number, ...);
__attribute__((visibility("hidden"))) long hook_confine_call(long number, long a, long b, long c,
                                                             long d, long e, long f);

long (*hook_confine_next)(long number, ...);

__attribute__((constructor)) static void begin(void)
{
    (void)life_session(); /* so that the real one is known */
    hook_confine_next = hook_next()->syscall;
}

/* 317 and 157: SYS_seccomp and SYS_prctl, asserted below. */
__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "    endbr64\n"
        "    cmpl $317, %edi\n"
        "    je hook_confine_call\n"
        "    cmpl $157, %edi\n"
        "    je hook_confine_call\n"
        "    movq hook_confine_next(%rip), %rax\n"
        "    testq %rax, %rax\n"
        "    je hook_confine_call\n"
        "    jmp *%rax\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n");
_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157, "the numbers in the jump");

static long forward(long number, long a, long b, long c, long d, long e, long f)
{
    if (hook_confine_next != NULL) {
        return hook_confine_next(number, a, b, c, d, e, f);
    }
    long result = sys_call6(number, a, b, c, d, e, f);
    if (sys_is_error(result)) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

/* What comes before a call that may close something to us. False: nothing had to. */
static bool prepare(long number, long first, long second)
{
    bool is_seal = hook_seal_is_meant(number, first);
    bool takes_clock = hook_seal_takes_clock(number, first, second);
    bool was_open = sys_may_call();
    if (is_seal) {
        (void)life_session(); /* a fork's child can make one now, or never */
        hook_seal();
    }
    if (takes_clock) {
        hook_seal_clock();
    }
    return was_open && (is_seal || takes_clock);
}

long hook_confine_call(long number, long a, long b, long c, long d, long e, long f)
{
    bool is_prepared = prepare(number, a, b);
    long result = forward(number, a, b, c, d, e, f);
    if (is_prepared && result < 0) {
        hook_seal_undo();
    }
    return result;
}

EXPORT int prctl(int option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    unsigned long a = va_arg(arguments, unsigned long);
    unsigned long b = va_arg(arguments, unsigned long);
    unsigned long c = va_arg(arguments, unsigned long);
    unsigned long d = va_arg(arguments, unsigned long);
    va_end(arguments);
    bool is_prepared = prepare(SYS_prctl, option, (long)a);
    int result = hook_next()->prctl != NULL
                     ? hook_next()->prctl(option, a, b, c, d)
                     : (int)forward(SYS_prctl, option, (long)a, (long)b, (long)c, (long)d, 0);
    if (is_prepared && result < 0) {
        hook_seal_undo();
    }
    return result;
}

static int forked(int child)
{
    if (child == 0) {
        life_forked();
    } else if (child < 0) {
        life_fork_failed();
    }
    return child;
}

EXPORT int fork(void)
{
    life_fork();
    return forked(hook_next()->fork());
}

EXPORT int _Fork(void)
{
    life_fork();
    return forked(hook_next()->fork_only());
}
