#include "base_mem.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

Test(base_mem, memory_is_zeroed_and_on_a_page)
{
    unsigned char *at = mem_map(3 * PAGE + 1);
    cr_assert_not_null(at);
    cr_assert_eq((uintptr_t)at % PAGE, 0);
    for (size_t i = 0; i < 3 * PAGE + 1; i += 97) {
        cr_assert_eq(at[i], 0);
    }
    mem_unmap(at, 3 * PAGE + 1);
    mem_unmap(NULL, PAGE);
}

Test(base_mem, what_cannot_be_had_is_null_and_errno_stays)
{
    errno = 77;
    cr_assert_null(mem_map(SIZE_MAX / 2));
    cr_assert_null(mem_map(0));
    cr_assert_not(mem_wipe_on_fork((void *)1, PAGE));
    mem_populate((void *)PAGE, PAGE);
    cr_assert_eq(errno, 77);
}

Test(base_mem, a_wiped_page_is_zero_in_a_child_and_kept_in_the_parent)
{
    volatile unsigned char *at = mem_map(PAGE);
    cr_assert(mem_wipe_on_fork((void *)(uintptr_t)at, PAGE));
    at[5] = 9;
    pid_t child = fork();
    if (child == 0) {
        _exit(at[5]);
    }
    int status = -1;
    waitpid(child, &status, 0);
    cr_assert_eq(status, 0);
    cr_assert_eq(at[5], 9);
    mem_unmap((void *)(uintptr_t)at, PAGE);
}

Test(base_mem, populated_pages_are_resident)
{
    unsigned char *at = mem_map(8 * PAGE);
    unsigned char resident[8] = {0};
    mem_populate(at + 2 * PAGE + 100, 3 * PAGE); /* touches four pages */
    cr_assert_eq(mincore(at, 8 * PAGE, resident), 0);
    for (size_t i = 2; i < 6; i++) {
        cr_assert_eq(resident[i] & 1, 1, "page %zu", i);
    }
    mem_unmap(at, 8 * PAGE);
}

Test(base_mem, sizes_are_rounded_up)
{
    cr_assert_eq(mem_round_up(0, 64), 0);
    cr_assert_eq(mem_round_up(1, 64), 64);
    cr_assert_eq(mem_round_up(64, 64), 64);
    cr_assert_eq(mem_round_up(65, PAGE), PAGE);
}
