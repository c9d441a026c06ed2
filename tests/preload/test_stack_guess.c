#include "stack_guess.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

enum { STACK_WORDS = 64, WORD = 8 };

/* A stack whose words say how far the next one is that a walk reads. */
struct made_up {
    struct stack_guesses *guesses;
    uintptr_t words[STACK_WORDS];
    uintptr_t bp;
    struct stack_at at;
    uint64_t dice;
};

static void *zeroed(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    return memory;
}

static struct made_up *make(void)
{
    struct made_up *m = zeroed(sizeof *m);
    m->guesses = zeroed(sizeof *m->guesses);
    m->at = (struct stack_at){0x401000, (uintptr_t)m->words, 0};
    struct stack_range home = {(uintptr_t)m->words, (uintptr_t)(m->words + STACK_WORDS)};
    stack_guess_forget(m->guesses, home);
    return m;
}

static uint32_t roll(struct made_up *m, uint32_t sides)
{
    m->dice = m->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(m->dice >> 33) % sides;
}

/* The list of the stack as its words are now, which has at most `most` words; returns how many. */
static uint32_t walk(const struct made_up *m, struct stack_word *words, uint32_t most)
{
    const uintptr_t *at = m->words;
    uint32_t count = 0;
    while (count < most && at < m->words + STACK_WORDS) {
        words[count++] = (struct stack_word){at, *at};
        at += 1 + *at % 3;
    }
    return count;
}

/* What tells a list from all others. */
static void *note_of(const struct made_up *m, uint32_t most)
{
    struct stack_word words[STACK_GUESS_WORDS];
    uint64_t sum = m->at.pc * 31 + m->at.sp;
    uint32_t count = walk(m, words, most);
    for (uint32_t i = 0; i < count; i++) {
        sum = sum * UINT64_C(0x9E3779B97F4A7C15) + words[i].value + (uintptr_t)words[i].at;
    }
    return (void *)(uintptr_t)(sum | 1);
}

static bool put(struct made_up *m, uint32_t most)
{
    struct stack_word words[STACK_GUESS_WORDS];
    uint32_t count = walk(m, words, most);
    struct stack_guess *guess = stack_guess_take(m->guesses, &m->at, count);
    if (guess == NULL) {
        return false;
    }
    struct stack_word *own = stack_guess_words(guess);
    memcpy(own, words, count * sizeof *words);
    own[count] = (struct stack_word){&m->guesses->nowhere, 1};
    guess->end = own + count;
    guess->note = note_of(m, most);
    stack_guess_put(m->guesses, guess, &m->bp);
    return true;
}

static const void *found(struct made_up *m)
{
    const struct stack_guess *guess = stack_guess_find(m->guesses, &m->at);
    return guess == NULL ? NULL : guess->note;
}

Test(stack_guess, a_list_that_was_put_is_found_and_no_other)
{
    struct made_up *m = make();
    cr_assert_null(found(m));
    cr_assert(put(m, 10));
    cr_assert_eq(found(m), note_of(m, 10));
    for (uint32_t i = 0; i < 10; i++) {
        m->words[i] += 3;
        cr_assert_null(found(m), "word %u", i);
        m->words[i] -= 3;
    }
    m->words[10] += 3;
    cr_assert_eq(found(m), note_of(m, 10), "it is none of the list's");
    m->at.pc++;
    cr_assert_null(found(m));
    m->at.pc--;
    m->at.sp += WORD;
    cr_assert_null(found(m));
}

/* By words in any order: each is put where it stands among the others. */
Test(stack_guess, lists_that_differ_anywhere_are_told_apart)
{
    enum { WORDS = 20, VALUES = 5 };
    for (uint32_t order = 1; order < WORDS; order += order % 10 == 3 ? 4 : 2) {
        struct made_up *m = make();
        for (uint32_t n = 0; n < WORDS * VALUES; n++) {
            m->words[n * order % WORDS] = 3 * (n / WORDS);
            cr_assert(put(m, WORDS));
            m->words[n * order % WORDS] = 0;
        }
        for (uint32_t n = 0; n < WORDS * VALUES; n++) {
            m->words[n % WORDS] = 3 * (n / WORDS);
            cr_assert_eq(found(m), note_of(m, WORDS), "order %u, list %u", order, n);
            m->words[n % WORDS] = 0;
        }
    }
}

Test(stack_guess, the_register_is_a_word_like_others)
{
    struct made_up *m = make();
    struct stack_word words[] = {{&m->bp, 0}, {&m->guesses->nowhere, 1}};
    int notes[2];
    for (uintptr_t i = 0; i < 2; i++) {
        struct stack_guess *guess = stack_guess_take(m->guesses, &m->at, 1);
        cr_assert_not_null(guess);
        words[0].value = i;
        memcpy(stack_guess_words(guess), words, sizeof words);
        guess->end = stack_guess_words(guess) + 1;
        guess->note = &notes[i];
        stack_guess_put(m->guesses, guess, &m->bp);
    }
    for (uintptr_t i = 0; i < 2; i++) {
        m->bp = i;
        cr_assert_eq(found(m), &notes[i]);
    }
    m->bp = 2;
    cr_assert_null(found(m));
}

Test(stack_guess, elsewhere_than_in_the_thread_s_own_stack_nothing_is_guessed)
{
    struct made_up *m = make();
    stack_guess_forget(m->guesses, (struct stack_range){0, 0});
    cr_assert_not(put(m, 10));
    struct stack_range half = {(uintptr_t)m->words, (uintptr_t)(m->words + 8)};
    stack_guess_forget(m->guesses, half);
    cr_assert(put(m, 10));
    m->words[9] += 3;
    cr_assert(put(m, 10));
    cr_assert_null(found(m), "what tells them apart lies beyond");
    m->words[9] -= 3;
    cr_assert_eq(found(m), note_of(m, 10));
    m->words[7] += 3;
    cr_assert(put(m, 10));
    cr_assert_eq(found(m), note_of(m, 10));
}

Test(stack_guess, a_list_of_many_words_is_no_guess)
{
    struct made_up *m = make();
    cr_assert(put(m, STACK_GUESS_WORDS));
    cr_assert_null(stack_guess_take(m->guesses, &m->at, STACK_GUESS_WORDS + 1));
}

Test(stack_guess, forgotten_and_dropped_is_gone)
{
    struct made_up *m = make();
    cr_assert(put(m, 10));
    m->words[4] = 3;
    cr_assert(put(m, 10));
    stack_guess_drop(m->guesses, &m->at);
    cr_assert_null(found(m));
    m->words[4] = 0;
    cr_assert_eq(found(m), note_of(m, 10), "the other one");
    stack_guess_forget(m->guesses, m->guesses->home);
    cr_assert_null(found(m));
}

static stack_guess_ref none_of(const struct stack_guesses *g)
{
    return (stack_guess_ref)&g->none.guess + STACK_GUESS_LEAF;
}

/* Nodes below a reference, each of which is referred to as it says, and has ways. */
static uint32_t check_below(const struct stack_guesses *g, const stack_guess_ref *ref)
{
    if (*ref == none_of(g)) {
        return 0;
    }
    if ((*ref & STACK_GUESS_LEAF) != 0) {
        cr_assert_eq(((const struct stack_guess *)(*ref - STACK_GUESS_LEAF))->from, ref);
        return 0;
    }
    const struct stack_guess_node *node = (const struct stack_guess_node *)*ref;
    cr_assert_eq(g->froms[node - g->nodes], ref);
    uint32_t ways = 0;
    uint32_t nodes = 1 + check_below(g, &node->more);
    for (unsigned way = 0; way < STACK_GUESS_WAYS; way++) {
        ways += node->ways[way].to != none_of(g);
        nodes += check_below(g, &node->ways[way].to);
    }
    cr_assert_geq(ways, 1);
    return nodes;
}

static void check_trees(const struct stack_guesses *g)
{
    uint32_t nodes = 0;
    for (unsigned i = 0; i < 1 << STACK_GUESS_ROOT_BITS; i++) {
        for (unsigned way = 0; way < STACK_GUESS_ROOT_WAYS; way++) {
            nodes += g->roots[i][way].pc == 0 ? 0 : check_below(g, &g->roots[i][way].to);
        }
    }
    for (stack_guess_ref at = g->free_node; at != none_of(g);
         at = ((const struct stack_guess_node *)at)->more) {
        nodes++;
    }
    cr_assert_eq(nodes, g->node_count, "none is lost");
}

/* More frames than roots, more lists than guesses and more values than ways: whatever is pushed
 * out, what is found is the stack at hand. */
static uint32_t hits_of(uint32_t frames, uint32_t bits, uint32_t rounds)
{
    struct made_up *m = make();
    uint32_t hits = 0;
    for (uint32_t n = 0; n < rounds; n++) {
        m->at.pc = 0x401010 + 16 * roll(m, frames);
        for (uint32_t bit = 0; bit < bits; bit++) {
            m->words[3 * bit + 1] = roll(m, bit % 4 == 3 ? 7 : 2);
        }
        uint32_t most = m->at.pc % 64 == 0 ? STACK_GUESS_WORDS : STACK_GUESS_WORDS_FEW;
        const void *note = found(m);
        cr_assert(note == NULL || note == note_of(m, most), "round %u", n);
        hits += note != NULL;
        if (note == NULL && !put(m, most) && n % 64 == 0) {
            stack_guess_drop(m->guesses, &m->at);
        }
        if (n % 1024 == 0) {
            check_trees(m->guesses);
        }
    }
    check_trees(m->guesses);
    munmap(m->guesses, sizeof *m->guesses);
    return hits;
}

Test(stack_guess, a_tree_that_fits_is_known)
{
    cr_assert_gt(hits_of(1, 6, 20000), 19000, "seven times 32 lists");
    cr_assert_gt(hits_of(40, 3, 20000), 19000, "of forty frames");
}

Test(stack_guess, what_is_pushed_out_is_found_no_more)
{
    cr_assert_gt(hits_of(1, 12, 100000), 0);
    cr_assert_gt(hits_of(20, 5, 100000), 10000);
    cr_assert_gt(hits_of(5000, 2, 100000), 0);
}
