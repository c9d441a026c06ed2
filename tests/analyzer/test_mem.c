#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

Test(mem, large_memory_is_aligned_to_huge_pages_and_small_memory_is_not_rounded)
{
    enum { HUGE_BYTES = 2 << 20 };
    char *large = mem_large(3 << 20, 1);
    char *small = mem_large(10, 1);
    cr_assert_eq((uintptr_t)large % HUGE_BYTES, 0);
    memset(large, 1, 3 << 20);
    memset(small, 1, 10);
    free(large);
    free(small);
}

Test(mem, asking_too_much_for_a_large_table_ends_with_status_3, .exit_code = 3)
{
    (void)mem_large(SIZE_MAX / 2, 4);
}
