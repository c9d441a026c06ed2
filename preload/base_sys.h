/*
 * base_sys - system calls without libc: no errno, no cancellation point, no lock. A cancelled
 * thread would else end inside malloc, and the host would find our errno instead of its own.
 * Results are the kernel's: negative errno on failure.
 * Once the host has given up system calls (seccomp), none is made any more, by any of us: all are
 * answered with -EPERM, and what they were for does without.
 */
#ifndef ALLOCTRAP_BASE_SYS_H
#define ALLOCTRAP_BASE_SYS_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

/* Set by hook_seal alone. Relaxed: the thread that seals is the one that would be killed. */
extern _Atomic bool sys_is_sealed;

/* HOT. */
static inline bool sys_may_call(void)
{
    return !atomic_load_explicit(&sys_is_sealed, memory_order_relaxed);
}

/* HOT. As far as the call itself is; arguments beyond the call's own are ignored. */
static inline long sys_call6(long number, long a, long b, long c, long d, long e, long f)
{
    if (!sys_may_call()) {
        return -EPERM;
    }
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* HOT. */
static inline long sys_call3(long number, long a, long b, long c)
{
    return sys_call6(number, a, b, c, 0, 0, 0);
}

/* HOT. mmap's result is an address unless it lies in the last page. */
static inline bool sys_is_error(long result)
{
    return result < 0 && result >= -4095;
}

/* COLD. */
static inline long sys_open(const char *path, int flags, unsigned mode)
{
    return sys_call6(SYS_openat, -100 /* AT_FDCWD */, (long)path, flags, (long)mode, 0, 0);
}

/* COLD. 0 = the kernel does not say, as behind a filter: the recorder looks who maps the session.
 */
static inline uint32_t sys_pid(void)
{
    long pid = sys_call3(SYS_getpid, 0, 0, 0);
    return pid > 0 ? (uint32_t)pid : 0;
}

/* COLD. */
static inline void sys_close(long fd)
{
    (void)sys_call3(SYS_close, fd, 0, 0);
}

#endif
