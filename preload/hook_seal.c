#include "hook_seal.h"

#include "base_clock.h"
#include "base_env.h"
#include "base_sys.h"
#include "link_session.h"

#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>

bool hook_seal_is_meant(long number, long first)
{
    if (number == SYS_seccomp) {
        return first == SECCOMP_SET_MODE_STRICT || first == SECCOMP_SET_MODE_FILTER;
    }
    return number == SYS_prctl && first == PR_SET_SECCOMP;
}

bool hook_seal_takes_clock(long number, long first, long second)
{
    if (number == SYS_seccomp) {
        return first == SECCOMP_SET_MODE_STRICT;
    }
    return number == SYS_prctl && ((first == PR_SET_SECCOMP && second == SECCOMP_MODE_STRICT) ||
                                   (first == PR_SET_TSC && second == PR_TSC_SIGSEGV));
}

void hook_seal_clock(void)
{
    clock_stop();
}

void hook_seal(void)
{
    struct session_head *head = link_head();
    if (head != NULL && sys_may_call()) {
        link_stock_up(head);
    }
    if (clock_now_by.kind == SESSION_CLOCK_MONOTONIC) {
        clock_stop(); /* the vDSO makes a system call for some of the kernel's clocks */
    }
    atomic_store_explicit(&sys_is_sealed, true, memory_order_relaxed);
}

bool hook_seal_was_there(void)
{
    static char status[4096]; /* only the starting thread is here */
    static const char name[] = "\nSeccomp:\t";
    status[env_read_file("/proc/self/status", status, sizeof status - 1)] = '\0';
    const char *line = strstr(status, name);
    return line == NULL || line[sizeof name - 1] != '0';
}

void hook_seal_undo(void)
{
    atomic_store_explicit(&sys_is_sealed, false, memory_order_relaxed);
    if (link_now.control != NULL) {
        clock_use(&link_now.control->clock);
    }
}
