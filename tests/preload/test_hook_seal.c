#include "base_clock.h"
#include "base_mem.h"
#include "base_sys.h"
#include "hook_seal.h"
#include "stack_bounds.h"

#include <criterion/criterion.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

Test(hook_seal, only_a_filter_is_meant)
{
    cr_assert(hook_seal_is_meant(SYS_prctl, PR_SET_SECCOMP));
    cr_assert(hook_seal_is_meant(SYS_seccomp, SECCOMP_SET_MODE_FILTER));
    cr_assert(hook_seal_is_meant(SYS_seccomp, SECCOMP_SET_MODE_STRICT));
    cr_assert_not(hook_seal_is_meant(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL));
    cr_assert_not(hook_seal_is_meant(SYS_prctl, PR_SET_NAME));
    cr_assert_not(hook_seal_is_meant(SYS_getpid, PR_SET_SECCOMP));
}

Test(hook_seal, strict_mode_takes_the_clock)
{
    cr_assert(hook_seal_takes_clock(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
    cr_assert(hook_seal_takes_clock(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0));
    cr_assert_not(hook_seal_takes_clock(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER));
    uint64_t before = clock_monotonic_ns();
    hook_seal_clock();
    uint64_t stopped = clock_monotonic_ns();
    cr_assert_geq(stopped, before);
    cr_assert_eq(clock_monotonic_ns(), stopped + 1);
}

Test(hook_seal, a_sealed_process_makes_no_system_call)
{
    char word[8];
    hook_seal();
    cr_assert_eq(sys_call3(SYS_getpid, 0, 0, 0), -EPERM);
    cr_assert_null(mem_map(4096));
    cr_assert_not(stack_bounds_probe((uintptr_t)word));
    hook_seal_undo();
    cr_assert_gt(sys_call3(SYS_getpid, 0, 0, 0), 0);
    cr_assert(stack_bounds_probe((uintptr_t)word));
}
