/* Random trees of calls, of functions that save bp or lead outward by it: whatever a stack is known
 * as, it is that one. Stacks are words in memory, with all that earlier ones left there. */
#include "stack_keep.h"
#include "stack_recall.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

enum { DEPTH_MAX = 24, STACK_WORDS = DEPTH_MAX * 8, WORD = 8, DEEPEST = 12, NOWHERE = 0 };

/* A function: its frame in words, with the return address; where it saves bp below the CFA. */
struct function {
    uint32_t words;
    uint32_t saved_at; /* words below the CFA; 0: it leaves bp alone */
    bool is_by_bp;     /* bp is its frame pointer, and some of its frames are larger */
};

static const struct function FUNCTIONS[] = {
    {2, NOWHERE, false}, {4, NOWHERE, false}, {6, NOWHERE, false}, {4, 3, false},
    {3, 2, false},       {3, 2, true},        {4, 2, true},
};
enum { FUNCTIONS_COUNT = sizeof FUNCTIONS / sizeof *FUNCTIONS };

struct tree {
    uintptr_t words[STACK_WORDS];
    uint32_t count; /* frames, the outermost first */
    uint32_t functions[DEPTH_MAX];
    uintptr_t sps[DEPTH_MAX];
    uintptr_t bps[DEPTH_MAX]; /* the register, while the frame is the innermost */
    uintptr_t pcs[DEPTH_MAX]; /* where the frame is, or returns to */
    uint64_t dice;
};

static uint32_t roll(struct tree *tree, uint32_t sides)
{
    tree->dice = tree->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(tree->dice >> 33) % sides;
}

static uintptr_t pc_in(struct tree *tree, uint32_t function)
{
    return 0x401000 + function * 256 + roll(tree, 4) / 3 * 8;
}

static stack_rule rule_of(uint32_t function)
{
    const struct function *f = &FUNCTIONS[function];
    uint32_t bp_off = (uint32_t) - (int32_t)(f->saved_at * WORD) & 0xFFFFFF;
    stack_rule saves = f->saved_at == 0 ? 0 : STACK_RULE_SAVES_BP | (stack_rule)bp_off << 8;
    return f->is_by_bp ? saves | STACK_RULE_BP | (stack_rule)(2 * WORD) << 32
                       : saves | STACK_RULE_SP | (stack_rule)(f->words * WORD) << 32;
}

/* What a call site calls is always the same. */
static uint32_t callee(uint32_t function, uintptr_t pc)
{
    return (function * 2 + 1 + (uint32_t)(pc >> 3 & 1)) % FUNCTIONS_COUNT;
}

/* What a call does to memory: return address, saved bp, and room. */
static void push(struct tree *tree)
{
    uint32_t i = tree->count++;
    uint32_t function = i == 0 ? 0 : callee(tree->functions[i - 1], tree->pcs[i - 1]);
    const struct function *f = &FUNCTIONS[function];
    uintptr_t cfa = i == 0 ? (uintptr_t)&tree->words[STACK_WORDS] : tree->sps[i - 1];
    uintptr_t bp = i == 0 ? 0 : tree->bps[i - 1];
    uint32_t words = f->words + (f->is_by_bp ? roll(tree, 2) : 0);
    *(uintptr_t *)(cfa - WORD) = i == 0 ? 0 : tree->pcs[i - 1];
    if (f->saved_at != 0) {
        *(uintptr_t *)(cfa - f->saved_at * WORD) = bp;
        bp = f->is_by_bp ? cfa - 2 * WORD : roll(tree, 8) / 7;
    }
    tree->functions[i] = function;
    tree->sps[i] = cfa - words * WORD;
    tree->bps[i] = bp;
    tree->pcs[i] = pc_in(tree, function);
}

static void change(struct tree *tree)
{
    tree->count -= roll(tree, tree->count < DEEPEST ? tree->count + 1 : DEEPEST);
    uint32_t more = roll(tree, DEEPEST) + (tree->count == 0);
    while (more-- > 0 && tree->count < DEPTH_MAX) {
        push(tree);
    }
    tree->pcs[tree->count - 1] = pc_in(tree, tree->functions[tree->count - 1]);
}

/* The walk of it, as stack_mend would have it. */
static void walk(const struct tree *tree, struct stack_mend *mend)
{
    mend->count = tree->count;
    for (uint32_t i = 0; i < tree->count; i++) {
        mend->pcs[i] = tree->pcs[i];
        mend->sps[i] = tree->sps[i];
        mend->bps[i] = tree->bps[i];
        mend->rules[i] = i == 0 ? STACK_RULE_OUTERMOST : rule_of(tree->functions[i]);
    }
}

/* Two stacks of one name are one: same frames at the same places. */
static void *name_of(const struct tree *tree)
{
    uint64_t sum = 1;
    for (uint32_t i = 0; i < tree->count; i++) {
        sum = (sum ^ tree->pcs[i] ^ (uint64_t)tree->sps[i] << 16) * UINT64_C(0x9E3779B97F4A7C15);
        sum ^= sum >> 29;
    }
    return (void *)(uintptr_t)(sum | 1);
}

/* The sum over the first `count` words that a walk of the stack reads. */
static uint64_t sum_of_words(const struct stack_recall *recall, const struct stack_mend *mend,
                             uint32_t count)
{
    uint32_t i = mend->count - 1;
    uint64_t key = stack_recall_key(recall, STACK_RECALL_INNERMOST, mend->pcs[i], mend->sps[i]);
    uint64_t sum = key ^ key >> 32;
    for (; i > 0 && count > 0; i--) {
        if (stack_rule_is_by_bp(mend->rules[i])) {
            uintptr_t bp_at = stack_keep_bp_at(mend, i);
            bool is_register = bp_at == STACK_BP_REGISTER;
            sum += stack_recall_term(is_register ? &recall->bp : (const uintptr_t *)bp_at,
                                     mend->bps[i]);
            count--;
        }
        if (count > 0) {
            sum +=
                stack_recall_term((const uintptr_t *)(mend->sps[i - 1] - WORD), mend->pcs[i - 1]);
            count--;
        }
    }
    return sum;
}

static void *zeroed(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    return memory;
}

static uint32_t run(uint64_t dice, uint32_t captures)
{
    struct tree *tree = zeroed(sizeof *tree);
    struct stack_mend *mend = zeroed(sizeof *mend);
    struct stack_recall *recall = zeroed(sizeof *recall);
    uint32_t hits = 0;
    tree->dice = dice;
    stack_recall_forget(recall, (struct stack_range){0, 0});
    for (uint32_t n = 0; n < captures; n++) {
        change(tree);
        uint32_t top = tree->count - 1;
        struct stack_at at = {tree->pcs[top], tree->sps[top], tree->bps[top]};
        void *known = stack_recall_find(recall, &at);
        cr_assert(known == NULL || known == name_of(tree), "dice %" PRIu64 ", capture %u", dice, n);
        walk(tree, mend);
        uint32_t read = recall->missed == 0 ? UINT32_MAX : recall->verified;
        cr_assert_eq(recall->id, sum_of_words(recall, mend, read),
                     "dice %" PRIu64 ", capture %u: words of another stack", dice, n);
        hits += known != NULL;
        if (known == NULL) {
            stack_recall_note(recall, mend, name_of(tree));
        }
    }
    cr_assert_eq(munmap(tree, sizeof *tree), 0);
    cr_assert_eq(munmap(mend, sizeof *mend), 0);
    cr_assert_eq(munmap(recall, sizeof *recall), 0);
    return hits;
}

Test(stack_recall_tree, a_stack_is_known_as_itself_alone)
{
    enum { CAPTURES = 20000 };
    uint32_t hits = 0;
    for (uint64_t dice = 1; dice <= 40; dice++) {
        hits += run(dice * UINT64_C(0xD6E8FEB86659FD93), CAPTURES);
    }
    cr_assert_gt(hits, CAPTURES, "%u of %u", hits, 40 * CAPTURES);
}
