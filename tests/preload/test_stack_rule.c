#include "stack_rule.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct stack_cfi_machine machine;

static void set_row(uint8_t cfa_reg, int64_t cfa_off)
{
    memset(&machine, 0, sizeof(machine));
    machine.row.cfa_reg = cfa_reg;
    machine.row.cfa_off = cfa_off;
    machine.row.how[STACK_CFI_PC] = STACK_CFI_AT_CFA;
    machine.row.value[STACK_CFI_PC] = -8;
}

static void save_bp(int64_t off)
{
    machine.row.how[STACK_CFI_BP] = STACK_CFI_AT_CFA;
    machine.row.value[STACK_CFI_BP] = off;
}

Test(stack_rule, plain_frames_fit_a_word)
{
    set_row(STACK_CFI_SP, 4096);
    save_bp(-4088);
    stack_rule rule = stack_rule_pack(&machine, 0x1234);
    cr_assert_eq(stack_rule_kind(rule), STACK_RULE_SP);
    cr_assert_eq(stack_rule_cfa_off(rule), 4096);
    cr_assert_eq(stack_rule_bp_off(rule), (uintptr_t)-4088);
    cr_assert(rule & STACK_RULE_SAVES_BP);
    set_row(STACK_CFI_BP, -64);
    rule = stack_rule_pack(&machine, 0x1234);
    cr_assert_eq(stack_rule_kind(rule), STACK_RULE_BP);
    cr_assert_eq(stack_rule_cfa_off(rule), (uintptr_t)-64);
    cr_assert_not(rule & STACK_RULE_SAVES_BP);
}

Test(stack_rule, what_does_not_fit_names_its_fde)
{
    uintptr_t fde = 0x7ffff7dd0b21;
    set_row(STACK_CFI_SP, INT64_C(1) << 31);
    cr_assert_eq(stack_rule_kind(stack_rule_pack(&machine, fde)), STACK_RULE_TABLE);
    cr_assert_eq(stack_rule_fde(stack_rule_pack(&machine, fde)), fde);
    set_row(STACK_CFI_SP, 8);
    save_bp(-(INT64_C(1) << 23) - 1);
    cr_assert_eq(stack_rule_kind(stack_rule_pack(&machine, fde)), STACK_RULE_TABLE);
    set_row(3, 16);
    cr_assert_eq(stack_rule_kind(stack_rule_pack(&machine, fde)), STACK_RULE_TABLE);
    set_row(STACK_CFI_SP, 8);
    machine.row.value[STACK_CFI_PC] = -16;
    cr_assert_eq(stack_rule_kind(stack_rule_pack(&machine, fde)), STACK_RULE_TABLE);
    set_row(STACK_CFI_SP, 8);
    machine.row.how[STACK_CFI_PC] = STACK_CFI_UNDEFINED;
    cr_assert_eq(stack_rule_kind(stack_rule_pack(&machine, fde)), STACK_RULE_OUTERMOST);
}

Test(stack_rule, a_functions_entry_has_its_return_address_on_top)
{
    stack_rule rule = stack_rule_find(&machine, (uintptr_t)&qsort, stack_rule_epoch());
    cr_assert_eq(stack_rule_kind(rule), STACK_RULE_SP);
    cr_assert_eq(stack_rule_cfa_off(rule), 8);
    cr_assert_eq(rule, stack_rule_find(&machine, (uintptr_t)&qsort, stack_rule_epoch()));
}

Test(stack_rule, code_without_tables_has_no_rule)
{
    void *jit = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(jit, MAP_FAILED);
    cr_assert_eq(stack_rule_find(&machine, (uintptr_t)jit + 16, stack_rule_epoch()), 0);
    cr_assert_eq(stack_rule_find(&machine, 0, stack_rule_epoch()), 0);
    cr_assert_eq(stack_rule_find(&machine, 1, stack_rule_epoch()), 0);
    cr_assert_eq(stack_rule_find(&machine, UINTPTR_MAX, stack_rule_epoch()), 0);
}

Test(stack_rule, epochs_go_round_without_old_rules)
{
    uint32_t first = stack_rule_epoch();
    stack_rule rule = stack_rule_find(&machine, (uintptr_t)&qsort, first);
    stack_rule_forget();
    cr_assert_neq(stack_rule_epoch(), first);
    for (uint32_t i = 1; stack_rule_epoch() != first; i++) {
        stack_rule_forget();
        cr_assert_lt(i, 1U << 20);
    }
    cr_assert_eq(stack_rule_find(&machine, (uintptr_t)&qsort, first), rule);
}

enum { STORM_ROUNDS = 80000, STORM_ADDRESSES = 40000, STORM_STRIDE = 3 };

/* More addresses than the table holds: entries are replaced under each reader's hands. */
static void *storm(void *ret_wrong)
{
    struct stack_cfi_machine *m = calloc(1, sizeof(*m));
    uintptr_t base = (uintptr_t)&qsort;
    for (uintptr_t i = 0; m != NULL && i < STORM_ROUNDS; i++) {
        uintptr_t pc = base + i % STORM_ADDRESSES * STORM_STRIDE;
        stack_rule found = stack_rule_find(m, pc, stack_rule_epoch());
        stack_rule real = STACK_RULE_NONE;
        uintptr_t fde = 0;
        if (stack_cfi_object_at(pc, &m->object)) {
            fde = stack_cfi_find(&m->object, pc);
            real = STACK_RULE_NO_TABLE;
        }
        if (fde != 0 && stack_cfi_run(m, fde, pc)) {
            real = stack_rule_pack(m, fde);
        }
        *(int *)ret_wrong += found != real;
    }
    free(m);
    return NULL;
}

Test(stack_rule, threads_never_see_half_a_rule)
{
    pthread_t threads[4];
    int wrong[4] = {0, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, storm, &wrong[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_assert_eq(wrong[i], 0);
    }
}
