#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

Test(mem, array_keeps_what_was_pushed)
{
    MEM_ARRAY(uint32_t) numbers = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        *MEM_PUSH(&numbers) = i;
    }
    cr_assert_eq(numbers.count, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        cr_assert_eq(numbers.at[i], i);
    }
    free(numbers.at);
}

Test(mem, pushed_items_are_zeroed)
{
    MEM_ARRAY(uint64_t) numbers = {0};
    for (int i = 0; i < 100; i++) {
        uint64_t *item = MEM_PUSH(&numbers);
        cr_assert_eq(*item, 0);
        *item = UINT64_MAX;
    }
    free(numbers.at);
}

Test(mem, equal_texts_are_one_string)
{
    struct mem_strings *strings = mem_strings_create();
    char text[] = "malloc";
    const char *first = mem_strings_keep(strings, text);
    text[0] = 'c';
    cr_assert_str_eq(first, "malloc");
    cr_assert_eq(mem_strings_keep(strings, "malloc"), first);
    cr_assert_neq(mem_strings_keep(strings, "calloc"), first);
    cr_assert_str_eq(mem_strings_keep(strings, NULL), "");
    mem_strings_destroy(strings);
}

Test(mem, asking_too_much_ends_with_status_3, .exit_code = 3)
{
    (void)mem_zero(SIZE_MAX / 2, 4);
}
