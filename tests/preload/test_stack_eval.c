#include "stack_eval.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint64_t memory[2] = {4711, 42};

static bool give_reg(void *context, unsigned reg, uint64_t *ret_value)
{
    (void)context;
    *ret_value = reg == STACK_CFI_SP ? (uint64_t)(uintptr_t)memory : 1000 + reg;
    return reg != 3;
}

static bool give_memory(void *context, uintptr_t addr, uint64_t *ret_value)
{
    (void)context;
    if (addr < (uintptr_t)memory || addr >= (uintptr_t)(memory + 2)) {
        return false;
    }
    *ret_value = *(const uint64_t *)addr;
    return true;
}

static const struct stack_eval_source source = {NULL, give_reg, give_memory};

static bool evaluate(const uint8_t *ops, size_t len, const uint64_t *first, uint64_t *ret_value)
{
    static uint8_t block[128];
    cr_assert_lt(len, sizeof(block));
    block[0] = (uint8_t)len;
    memcpy(block + 1, ops, len);
    struct stack_cfi_object object = {.start = (uintptr_t)block, .end = (uintptr_t)block + 1 + len};
    static struct stack_eval scratch;
    return stack_eval(&scratch, &object, (uintptr_t)block, &source, first, ret_value);
}

#define EVALUATE(ret, ...)                                                                         \
    evaluate((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), NULL, ret)

Test(stack_eval, plt_entries_have_one_more_word_after_their_push)
{
    uint64_t value = 0;
    /* breg7 8; breg16 0; lit15; and; lit8; ge; lit3; shl; plus, with pc = 1016 = 8 mod 16 */
    cr_assert(EVALUATE(&value, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x38, 0x2a, 0x33, 0x24, 0x22));
    cr_assert_eq(value, (uint64_t)(uintptr_t)memory + 16);
    cr_assert(EVALUATE(&value, 0x77, 8, 0x80, 1, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22));
    cr_assert_eq(value, (uint64_t)(uintptr_t)memory + 8);
}

Test(stack_eval, memory_is_read_where_it_may_be)
{
    uint64_t value = 0;
    cr_assert(EVALUATE(&value, 0x77, 8, 0x06));
    cr_assert_eq(value, 42);
    cr_assert_not(EVALUATE(&value, 0x77, 16, 0x06), "beyond what the source lets it read");
}

Test(stack_eval, arithmetic_and_constants)
{
    uint64_t value = 0;
    cr_assert(EVALUATE(&value, 0x09, 0xfe, 0x0a, 0x00, 0x01, 0x22)); /* -2 + 256 */
    cr_assert_eq(value, 254);
    cr_assert(EVALUATE(&value, 0x11, 0x7f, 0x35, 0x1c)); /* -1 - 5 */
    cr_assert_eq(value, (uint64_t)-6);
    cr_assert(EVALUATE(&value, 0x33, 0x12, 0x1e, 0x1f)); /* -(3 * 3) */
    cr_assert_eq(value, (uint64_t)-9);
    cr_assert(EVALUATE(&value, 0x31, 0x32, 0x16, 0x13)); /* 1 2 swap drop */
    cr_assert_eq(value, 2);
    cr_assert(EVALUATE(&value, 0x30, 0x28, 1, 0, 0x31, 0x32)); /* a branch that is not taken */
    cr_assert_eq(value, 2);
}

Test(stack_eval, the_cfa_can_be_pushed_first)
{
    static const uint8_t ops[] = {0x23, 0x10};
    uint64_t first = 100;
    uint64_t value = 0;
    cr_assert(evaluate(ops, sizeof(ops), &first, &value));
    cr_assert_eq(value, 116);
}

Test(stack_eval, what_it_cannot_know_it_refuses)
{
    uint64_t value = 5;
    cr_assert_not(EVALUATE(&value, 0x73, 0), "a register that the source does not know");
    cr_assert_not(EVALUATE(&value, 0x92, 40, 0), "a register that does not exist");
    cr_assert_not(EVALUATE(&value, 0x98, 0, 0), "a call");
    cr_assert_not(EVALUATE(&value, 0x22), "nothing to add");
    cr_assert_not(EVALUATE(&value, 0x0e, 1, 2), "a constant cut short");
    cr_assert_not(EVALUATE(&value, 0x96), "no result");
    cr_assert_eq(value, 5);
}

Test(stack_eval, loops_and_deep_stacks_end)
{
    uint64_t value = 0;
    uint8_t pushes[40];
    memset(pushes, 0x31, sizeof(pushes));
    cr_assert_not(EVALUATE(&value, 0x96, 0x2f, 0xfc, 0xff), "skip back for ever");
    cr_assert_not(EVALUATE(&value, 0x2f, 0x70, 0x00), "skip out of the block");
    cr_assert_not(evaluate(pushes, sizeof(pushes), NULL, &value));
}
