#include "stack_rule.h"

#include <stdalign.h>

enum {
    RULE_WAYS = 4, /* 4 entries of 16 bytes: a cache line */
    RULE_SETS_BITS = 13,
    RULE_SETS = 1 << RULE_SETS_BITS
};

#define RULE_KEY_EMPTY UINT64_C(0)
#define RULE_KEY_BUSY UINT64_C(1) /* being written; no code is at address 1 */

struct rule_entry {
    _Atomic uint64_t key;
    _Atomic stack_rule rule;
};

struct rule_set {
    alignas(64) struct rule_entry entries[RULE_WAYS];
};

static struct rule_set sets[RULE_SETS];
_Atomic uint32_t stack_rule_epoch_now;

static bool fits(int64_t value, unsigned bits)
{
    int64_t limit = INT64_C(1) << (bits - 1);
    return value >= -limit && value < limit;
}

stack_rule stack_rule_pack(const struct stack_cfi_machine *m, uintptr_t fde)
{
    const struct stack_cfi_row *row = &m->row;
    stack_rule signal = m->fde.is_signal ? STACK_RULE_SIGNAL : 0;
    stack_rule table = (stack_rule)fde << 16 | signal | STACK_RULE_TABLE;
    if (row->how[STACK_CFI_PC] == STACK_CFI_UNDEFINED) {
        return STACK_RULE_OUTERMOST;
    }
    if (row->how[STACK_CFI_PC] != STACK_CFI_AT_CFA || row->value[STACK_CFI_PC] != -8 ||
        row->how[STACK_CFI_SP] != STACK_CFI_SAME || !fits(row->cfa_off, 32) ||
        (row->cfa_reg != STACK_CFI_SP && row->cfa_reg != STACK_CFI_BP) ||
        (row->cfa_reg == STACK_CFI_SP && (row->cfa_off <= 0 || row->cfa_off % 8 != 0))) {
        return table;
    }
    stack_rule rule = row->cfa_reg == STACK_CFI_SP ? STACK_RULE_SP : STACK_RULE_BP;
    rule |= signal | (stack_rule)(uint64_t)row->cfa_off << 32;
    uint8_t bp_how = row->how[STACK_CFI_BP];
    if (bp_how == STACK_CFI_AT_CFA && fits(row->value[STACK_CFI_BP], 24)) {
        uint64_t off = (uint64_t)row->value[STACK_CFI_BP] & 0xffffff;
        return rule | STACK_RULE_SAVES_BP | off << 8;
    }
    return bp_how == STACK_CFI_SAME ? rule : table;
}

/* From the tables; NONE is not kept: the loader may map a library there at any time. */
static stack_rule read_tables(struct stack_cfi_machine *m, uintptr_t pc)
{
    if (!stack_cfi_object_at(pc, &m->object)) {
        return STACK_RULE_NONE;
    }
    uintptr_t fde = stack_cfi_find(&m->object, pc);
    if (fde == 0 || !stack_cfi_run(m, fde, pc)) {
        return STACK_RULE_NO_TABLE;
    }
    return stack_rule_pack(m, fde);
}

static struct rule_entry *choose_victim(struct rule_set *set, uint64_t key)
{
    for (unsigned i = 0; i < RULE_WAYS; i++) {
        uint64_t was = atomic_load_explicit(&set->entries[i].key, memory_order_relaxed);
        if (was == RULE_KEY_EMPTY ||
            (was != RULE_KEY_BUSY && (was ^ key) >> STACK_RULE_PC_BITS != 0)) {
            return &set->entries[i];
        }
    }
    return &set->entries[(key >> 4) % RULE_WAYS];
}

/*
 * Key, rule, key again is how a reader looks; BUSY, rule, key is how a writer writes. The fence
 * pairs with the reader's acquire of the rule: whoever sees the new rule sees BUSY or what came
 * after it, and drops it. A key always has the same rule, so the same key twice is no danger.
 */
static void keep(struct rule_set *set, uint64_t key, stack_rule rule)
{
    struct rule_entry *entry = choose_victim(set, key);
    uint64_t was = atomic_load_explicit(&entry->key, memory_order_relaxed);
    if (was == RULE_KEY_BUSY || was == key ||
        !atomic_compare_exchange_strong_explicit(&entry->key, &was, RULE_KEY_BUSY,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&entry->rule, rule, memory_order_relaxed);
    atomic_store_explicit(&entry->key, key, memory_order_release);
}

stack_rule stack_rule_find(struct stack_cfi_machine *m, uintptr_t pc, uint32_t epoch)
{
    if (pc >> STACK_RULE_PC_BITS != 0 || pc <= RULE_KEY_BUSY) {
        return STACK_RULE_NONE;
    }
    uint64_t key = (uint64_t)epoch << STACK_RULE_PC_BITS | pc;
    struct rule_set *set = &sets[(pc * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - RULE_SETS_BITS)];
    for (unsigned i = 0; i < RULE_WAYS; i++) {
        struct rule_entry *entry = &set->entries[i];
        if (atomic_load_explicit(&entry->key, memory_order_acquire) != key) {
            continue;
        }
        stack_rule rule = atomic_load_explicit(&entry->rule, memory_order_acquire);
        if (atomic_load_explicit(&entry->key, memory_order_relaxed) == key) {
            return rule;
        }
    }
    stack_rule rule = read_tables(m, pc);
    if (rule != STACK_RULE_NONE) {
        keep(set, key, rule);
    }
    return rule;
}

void stack_rule_forget(void)
{
    uint32_t epoch = atomic_fetch_add_explicit(&stack_rule_epoch_now, 1, memory_order_acq_rel) + 1;
    if (epoch % STACK_RULE_EPOCHS != 0) {
        return;
    }
    for (unsigned i = 0; i < RULE_SETS * RULE_WAYS; i++) { /* numbers begin again: nothing old */
        struct rule_entry *entry = &sets[i / RULE_WAYS].entries[i % RULE_WAYS];
        atomic_store_explicit(&entry->key, RULE_KEY_EMPTY, memory_order_relaxed);
    }
}
