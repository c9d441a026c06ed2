#include "hook_boot.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(hook_boot, blocks_are_known_by_their_address)
{
    char outside;
    cr_assert(hook_boot_owns(hook_boot_malloc(0)));
    cr_assert(hook_boot_owns(hook_boot_malloc(100)));
    cr_assert_not(hook_boot_owns(&outside));
    cr_assert_not(hook_boot_owns(NULL));
    cr_assert_not(hook_boot_owns(hook_boot_buffer + HOOK_BOOT_BYTES));
}

Test(hook_boot, blocks_are_aligned_zeroed_and_apart)
{
    char *first = hook_boot_malloc(33);
    char *second = hook_boot_calloc(3, 11);
    cr_assert_eq((uintptr_t)first % 16, 0);
    cr_assert_eq((uintptr_t)second % 16, 0);
    cr_assert_geq(second - first, 33);
    memset(first, 1, 33);
    for (int i = 0; i < 33; i++) {
        cr_assert_eq(second[i], 0);
    }
    cr_assert_eq((uintptr_t)hook_boot_memalign(1024, 1) % 1024, 0);
    cr_assert_eq((uintptr_t)hook_boot_valloc(1) % 4096, 0);
    cr_assert_eq(hook_boot_size(hook_boot_pvalloc(1)), 4096);
}

Test(hook_boot, realloc_keeps_the_content)
{
    char *block = hook_boot_malloc(8);
    memcpy(block, "1234567", 8);
    char *grown = hook_boot_realloc(block, 100);
    cr_assert_str_eq(grown, "1234567");
    cr_assert_eq(hook_boot_usable_size(grown), 100);
    cr_assert_null(hook_boot_realloc(grown, 0));
}

Test(hook_boot, what_is_too_much_is_refused_with_enomem)
{
    errno = 0;
    cr_assert_null(hook_boot_calloc(SIZE_MAX, 2));
    cr_assert_eq(errno, ENOMEM);
    errno = 0;
    cr_assert_null(hook_boot_malloc(SIZE_MAX));
    cr_assert_eq(errno, ENOMEM);
    cr_assert_null(hook_boot_pvalloc(SIZE_MAX));
    cr_assert_null(hook_boot_malloc(HOOK_BOOT_BYTES));
    cr_assert_null(hook_boot_reallocarray(NULL, SIZE_MAX, 2));
    cr_assert_not_null(hook_boot_malloc(1), "a refusal must not use the buffer up");
}

Test(hook_boot, posix_memalign_answers_by_its_result)
{
    void *block = NULL;
    errno = 7;
    cr_assert_eq(hook_boot_posix_memalign(&block, 3, 1), EINVAL);
    cr_assert_eq(hook_boot_posix_memalign(&block, 64, SIZE_MAX), ENOMEM);
    cr_assert_eq(hook_boot_posix_memalign(&block, 64, 1), 0);
    cr_assert_eq((uintptr_t)block % 64, 0);
    cr_assert_eq(errno, 7);
}
