#include "hook_next.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uintptr_t address_of(const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    cr_assert_not_null(symbol);
    return (uintptr_t)symbol;
}

Test(hook_next, the_real_functions_are_found_once_and_wholly)
{
    cr_assert_not(hook_next_is_known());
    cr_assert(hook_next_resolve());
    cr_assert(hook_next_is_known());
    void *block = hook_next()->malloc(10);
    cr_assert_not_null(block);
    hook_next()->free(block);
    cr_assert_not_null(strstr(hook_next_object(), "libc.so"));
    cr_assert_not_null(hook_next()->syscall);
    cr_assert_not_null(hook_next()->prctl);
}

Test(hook_next, libc_the_loader_and_we_are_on_the_allocators_side)
{
    cr_assert_not(hook_next_is_side(address_of("malloc")), "nothing is known yet");
    cr_assert(hook_next_resolve());
    cr_assert(hook_next_is_side(address_of("malloc")));
    cr_assert(hook_next_is_side(address_of("_dl_find_object")));
    cr_assert(hook_next_is_side((uintptr_t)&hook_next_now));
    cr_assert_not(hook_next_is_side(address_of("criterion_run_all_tests")),
                  "a library of the host's");
    cr_assert_not(hook_next_is_side(0));
}

/* In one test: the table is found once for a process. */
Test(hook_next, the_allocator_is_found_whole_and_leaves_no_error_behind)
{
    void *early = hook_next()->malloc(10);
    cr_assert_not_null(early, "served before it is found");
    cr_assert(hook_next_resolve());
    cr_assert(hook_next_resolve(), "again");
    cr_assert_null(dlerror(), "what was looked up and not found is not the host's error");
    const struct hook_next *next = hook_next();
    void *block = next->malloc(10);
    cr_assert_not_null(block);
    cr_assert_geq(next->malloc_usable_size(block), 10);
    block = next->realloc(block, 100);
    next->free(block);
    block = next->reallocarray(NULL, 3, 5);
    cr_assert_not_null(block);
    cr_assert_null(next->reallocarray(block, SIZE_MAX / 2, 5), "overflow");
    next->cfree(block);
    cr_assert_not_null(strstr(hook_next_object(), "libc.so"));
}

Test(hook_next, a_symbol_that_nobody_has_is_none)
{
    cr_assert_null(hook_next_symbol("no_such_function_of_anybody"));
    hook_next_forget_failure();
    cr_assert_null(dlerror());
    hook_next_forget_failure();
    cr_assert_not_null(hook_next_symbol("strlen"));
}
