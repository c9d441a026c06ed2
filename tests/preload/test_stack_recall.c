#include "stack_recall.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FRAMES = 40, FRAME_WORDS = 4, WORD = 8, PAGE_WORDS = 512 };

/* A stack of made-up frames: frame 0, the outermost, at its upper end. */
struct made_up {
    uintptr_t *words;
    uint32_t frames;
    struct stack_mend *mend;
    struct stack_recall *recall;
    struct stack_at at;
};

static stack_rule sp_rule(void)
{
    return (stack_rule)(FRAME_WORDS * WORD) << 32 | STACK_RULE_SP;
}

static void *zeroed(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    return memory;
}

/* The walk of the stack as its words are now. */
static void walk(struct made_up *m)
{
    struct stack_mend *mend = m->mend;
    stack_mend_init(mend, SESSION_DEPTH_MAX);
    mend->count = m->frames;
    for (uint32_t i = 0; i < m->frames; i++) {
        uint32_t place = (m->frames - i) * FRAME_WORDS;
        mend->sps[i] = (uintptr_t)&m->words[place];
        mend->slots[i] = mend->sps[i] - WORD;
        mend->pcs[i] = i + 1 == m->frames ? m->at.pc : m->words[place - 1];
        mend->rules[i] = i == 0 ? STACK_RULE_OUTERMOST : sp_rule();
        mend->terms[i] = stack_term(mend->pcs[i], 0, i);
        mend->hash += mend->terms[i];
    }
}

static struct stack_range home_of(const struct made_up *m)
{
    return (struct stack_range){(uintptr_t)m->words,
                                (uintptr_t)&m->words[(m->frames + 1) * FRAME_WORDS]};
}

static struct made_up make(uint32_t frames)
{
    struct made_up m = {.frames = frames};
    m.words = zeroed((size_t)(frames + 1) * FRAME_WORDS * WORD);
    m.mend = zeroed(sizeof *m.mend);
    m.recall = zeroed(sizeof *m.recall);
    for (uint32_t i = 0; i < frames; i++) {
        m.words[(i + 1) * FRAME_WORDS - 1] = 0x401000 + i * 16;
    }
    m.at = (struct stack_at){0x401fff, (uintptr_t)&m.words[FRAME_WORDS], 0x77};
    stack_recall_forget(m.recall, home_of(&m));
    return m;
}

static void *known(struct made_up *m)
{
    return stack_recall_find(m->recall, &m->at);
}

/* As a hook does: what is not known is walked and noted. */
static void *capture(struct made_up *m, void *note)
{
    void *found = known(m);
    if (found == NULL) {
        walk(m);
        stack_recall_note(m->recall, m->mend, note);
    }
    return found;
}

static uintptr_t *return_slot(struct made_up *m, uint32_t from_inside)
{
    return &m->words[(from_inside + 1) * FRAME_WORDS - 1];
}

/* Enough for any stack to be learnt: its pieces, and itself. */
static void *learn(struct made_up *m, void *note)
{
    void *found = NULL;
    for (int i = 0; i < 6 && found == NULL; i++) {
        found = capture(m, note);
    }
    return found;
}

Test(stack_recall, a_stack_met_some_times_is_known)
{
    for (uint32_t frames = 1; frames < FRAMES; frames++) {
        struct made_up m = make(frames);
        int note;
        cr_assert_null(known(&m));
        cr_assert_eq(learn(&m, &note), &note, "%u frames", frames);
        cr_assert_eq(known(&m), &note);
        m.at.sp += WORD;
        cr_assert_null(known(&m));
        m.at.sp -= WORD;
        m.at.pc++;
        cr_assert_null(known(&m));
    }
}

Test(stack_recall, stacks_that_differ_anywhere_are_told_apart)
{
    struct made_up m = make(FRAMES);
    int notes[FRAMES];
    uint32_t hits = 0;
    for (int round = 0; round < 8; round++) {
        hits = 0;
        for (uint32_t i = 1; i < FRAMES; i++) { /* 0 is the hook's own return address */
            *return_slot(&m, i) += 1;
            void *was = capture(&m, &notes[i]);
            cr_assert(was == NULL || was == &notes[i], "frame %u", i);
            hits += was != NULL;
            *return_slot(&m, i) -= 1;
        }
    }
    cr_assert_gt(hits, FRAMES / 4, "some may be in each other's place");
}

/* Moves the stack to where its fifth frame from inside ends a page; returns the page of the rest.
 */
static uintptr_t *lay_at_edge(struct made_up *m)
{
    uintptr_t *stack = zeroed(2 * PAGE_WORDS * WORD);
    uintptr_t *words = &stack[PAGE_WORDS - 5 * FRAME_WORDS];
    memcpy(words, m->words, (size_t)(m->frames + 1) * FRAME_WORDS * WORD);
    m->words = words;
    m->at.sp = (uintptr_t)&words[FRAME_WORDS];
    stack_recall_forget(m->recall, home_of(m));
    return &stack[PAGE_WORDS];
}

Test(stack_recall, nothing_is_read_beyond_the_first_difference)
{
    struct made_up m = make(FRAMES);
    int note;
    uintptr_t *outer_page = lay_at_edge(&m);
    cr_assert_eq(learn(&m, &note), &note);
    *return_slot(&m, 2) += 1;
    cr_assert_eq(mprotect(outer_page, PAGE_WORDS * WORD, PROT_NONE), 0);
    cr_assert_null(known(&m), "and it is alive");
}

/* Frames 5 and 9 lead outward by bp: one finds it in memory, one in the register. */
static void lead_by_bp(struct made_up *m, uint32_t i, uintptr_t bp)
{
    m->mend->rules[i] = (stack_rule)(2 * WORD) << 32 | STACK_RULE_BP;
    m->mend->bps[i] = bp;
}

Test(stack_recall, bp_is_a_word_like_others)
{
    struct made_up m = make(12);
    int note;
    uintptr_t *saved = &m.words[(12 - 7) * FRAME_WORDS - 2];
    *saved = 0x55;
    for (int i = 0; i < 2; i++) {
        cr_assert_null(known(&m));
        walk(&m);
        m.mend->rules[8] = sp_rule() | STACK_RULE_SAVES_BP | (UINT64_C(0xfffff0) << 8);
        lead_by_bp(&m, 9, 0x77);
        lead_by_bp(&m, 5, 0x55);
        stack_recall_note(m.recall, m.mend, &note);
    }
    cr_assert_eq(known(&m), &note);
    m.at.bp = 0x78;
    cr_assert_null(known(&m), "the register");
    m.at.bp = 0x77;
    *saved = 0x56;
    cr_assert_null(known(&m), "the word in memory");
    *saved = 0x55;
    cr_assert_eq(known(&m), &note);
}

Test(stack_recall, what_tables_alone_can_tell_is_not_remembered)
{
    struct made_up m = make(12);
    int note;
    for (int i = 0; i < 6; i++) {
        cr_assert_null(known(&m));
        walk(&m);
        m.mend->rules[4] = STACK_RULE_TABLE;
        stack_recall_note(m.recall, m.mend, &note);
    }
}

Test(stack_recall, a_walk_that_memory_denies_is_not_remembered)
{
    struct made_up m = make(12);
    int note;
    for (int i = 0; i < 6; i++) {
        cr_assert_null(known(&m));
        walk(&m);
        m.mend->pcs[4] += 1;
        stack_recall_note(m.recall, m.mend, &note);
    }
}

Test(stack_recall, forgotten_is_forgotten)
{
    struct made_up m = make(FRAMES);
    int notes[2];
    cr_assert_eq(learn(&m, &notes[0]), &notes[0]);
    stack_recall_forget(m.recall, home_of(&m));
    cr_assert_null(known(&m));
    cr_assert_eq(learn(&m, &notes[1]), &notes[1]);
}

/* Stacks that share frames further in and further out, as those of one program do. */
static void draw(struct made_up *m, uint32_t which, uint32_t bits)
{
    for (uint32_t bit = 0; bit < bits; bit++) {
        *return_slot(m, 3 * bit + 1) = 0x500000 + bit * 64 + (which >> bit & 1);
    }
}

static uint32_t hits_of(uint32_t bits, uint32_t captures)
{
    enum { STACKS = 1 << 12 };
    static int notes[STACKS];
    struct made_up m = make(FRAMES);
    uint32_t hits = 0;
    for (uint32_t n = 0; n < captures; n++) {
        uint32_t which = (uint32_t)(n * UINT64_C(2654435761) >> 7) % (1U << bits);
        draw(&m, which, bits);
        void *was = capture(&m, &notes[which]);
        cr_assert(was == NULL || was == &notes[which], "%u", which);
        hits += was != NULL;
    }
    return hits;
}

Test(stack_recall, stacks_of_one_tree_are_learnt)
{
    cr_assert_gt(hits_of(6, 10000), 3000, "addresses are drawn: some may be in each other's place");
}

Test(stack_recall, what_is_pushed_out_is_walked_again)
{
    cr_assert_gt(hits_of(12, 60000), 100, "more stacks than there is room for");
}

Test(stack_recall, where_hardly_anything_is_found_it_says_so)
{
    struct made_up m = make(4);
    int note;
    bool is_poor = false;
    for (uint32_t n = 0; n < 2 * STACK_RECALL_TRIES && !is_poor; n++) {
        m.at.pc = 0x600000 + n;
        cr_assert_null(capture(&m, &note));
        is_poor = stack_recall_judge(m.recall) == STACK_RECALL_POOR;
    }
    cr_assert(is_poor);
}

Test(stack_recall, frames_further_out_are_shared_but_where_bp_leads)
{
    struct made_up m = make(12);
    walk(&m);
    cr_assert_null(known(&m));
    m.mend->rules[8] = sp_rule() | STACK_RULE_SAVES_BP | (UINT64_C(0xfffff0) << 8);
    lead_by_bp(&m, 5, 0);
    stack_recall_put(m.recall, m.mend);
    cr_assert_eq(m.recall->kinds[4], STACK_RECALL_FREE);
    cr_assert_eq(m.recall->kinds[5], STACK_RECALL_AFTER);
    cr_assert_eq(m.recall->kinds[6], STACK_RECALL_AFTER);
    cr_assert_eq(m.recall->kinds[7], STACK_RECALL_BP_BELOW);
    cr_assert_eq(m.recall->kinds[8], STACK_RECALL_FREE, "it saved it");
}

/*
 * 24 frames: the first piece of a list is the nine words that lead to frame 14, the second begins
 * there. Frame 8 may lead outward by bp, which frame 16 may have saved; frame 18 is one of two.
 */
enum { DEEP = 24, FORK = 18, SAVER = 16, BY_BP = 8 };

static uintptr_t *saved_bp(struct made_up *m)
{
    return &m->words[(DEEP - (SAVER - 1)) * FRAME_WORDS - 3];
}

static void *capture_saved(struct made_up *m, bool is_by_bp, bool is_saved, void *note)
{
    void *found = known(m);
    if (found != NULL) {
        return found;
    }
    walk(m);
    if (is_saved) {
        m->mend->rules[SAVER] = sp_rule() | STACK_RULE_SAVES_BP | (UINT64_C(0xffffe8) << 8);
    }
    if (is_by_bp) {
        lead_by_bp(m, BY_BP, is_saved ? *saved_bp(m) : m->at.bp);
    }
    stack_recall_note(m->recall, m->mend, note);
    return NULL;
}

static void *learn_saved(struct made_up *m, bool is_by_bp, bool is_saved, void *note)
{
    void *found = NULL;
    for (int i = 0; i < 8 && found == NULL; i++) {
        found = capture_saved(m, is_by_bp, is_saved, note);
    }
    return found;
}

/* Frames from 14 outward are met where bp does not matter, then from two ways in where it does:
 * what one way finds in memory, the other finds in the register. */
Test(stack_recall, what_follows_a_shared_piece_is_of_lists_that_share_it)
{
    struct made_up m = make(DEEP);
    uintptr_t *fork = return_slot(&m, DEEP - 1 - FORK);
    int notes[4];
    *saved_bp(&m) = 0x99;
    for (int way = 0; way < 2; way++) {
        *fork += 64;
        cr_assert_eq(learn_saved(&m, false, way == 1, &notes[way]), &notes[way]);
    }
    *return_slot(&m, DEEP - 1 - BY_BP) += 32;
    cr_assert_eq(learn_saved(&m, true, true, &notes[2]), &notes[2]);
    *fork -= 64;
    cr_assert_eq(learn_saved(&m, true, false, &notes[3]), &notes[3]);
    m.at.bp++;
    cr_assert_null(known(&m), "here it is the register that leads on");
    m.at.bp--;
    *saved_bp(&m) = 0x9a;
    cr_assert_eq(known(&m), &notes[3], "and not what was saved on the other way");
    *saved_bp(&m) = 0x99;
    *fork += 64;
    cr_assert_eq(learn_saved(&m, true, true, &notes[2]), &notes[2]);
    m.at.bp++;
    cr_assert_eq(known(&m), &notes[2]);
    *saved_bp(&m) = 0x9a;
    cr_assert_null(known(&m));
}

/* A piece is gone, and a list that had gone on with it may not be told by its frame alone. */
Test(stack_recall, a_piece_pushed_out_comes_back_for_lists_that_share_it)
{
    struct made_up m = make(DEEP);
    int notes[2];
    *saved_bp(&m) = 0x99;
    cr_assert_eq(learn_saved(&m, false, true, &notes[0]), &notes[0]);
    walk(&m);
    uint64_t key = stack_recall_key(m.recall, STACK_RECALL_FREE, m.mend->pcs[14], m.mend->sps[14]);
    struct stack_recall_piece *piece = stack_recall_piece_of(m.recall, key);
    cr_assert_not_null(piece);
    piece->key = 0;
    *return_slot(&m, DEEP - 1 - BY_BP) += 32;
    cr_assert_eq(learn_saved(&m, true, true, &notes[1]), &notes[1]);
    cr_assert_null(stack_recall_piece_of(m.recall, key), "not under the frame's pc and sp");
    *saved_bp(&m) = 0x9a;
    cr_assert_null(known(&m));
}

enum { FEW_FRAMES = 8 };

/* Found often enough to be guessed at. */
static void find_some_times(struct made_up *m, const void *note)
{
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(known(m), note);
    }
}

static void forget_pieces(struct made_up *m)
{
    memset(m->recall->pieces, 0, sizeof m->recall->pieces);
}

Test(stack_recall, a_list_of_few_words_that_comes_again_is_guessed)
{
    struct made_up m = make(FEW_FRAMES);
    int note;
    cr_assert_eq(learn(&m, &note), &note);
    find_some_times(&m, &note);
    forget_pieces(&m);
    cr_assert_eq(known(&m), &note, "by the guess alone");
    for (uint32_t i = 1; i < FEW_FRAMES; i++) {
        *return_slot(&m, i) += 1;
        cr_assert_null(known(&m), "frame %u", i);
        *return_slot(&m, i) -= 1;
    }
    stack_recall_forget(m.recall, home_of(&m));
    cr_assert_null(known(&m));
}

Test(stack_recall, a_list_of_many_words_is_no_guess)
{
    struct made_up m = make(STACK_GUESS_WORDS + 2);
    int note;
    cr_assert_eq(learn(&m, &note), &note);
    find_some_times(&m, &note);
    forget_pieces(&m);
    cr_assert_null(known(&m));
}

Test(stack_recall, a_guess_reads_nothing_beyond_the_first_difference)
{
    struct made_up m = make(FEW_FRAMES);
    int note;
    uintptr_t *outer_page = lay_at_edge(&m);
    cr_assert_eq(learn(&m, &note), &note);
    find_some_times(&m, &note);
    forget_pieces(&m);
    cr_assert_eq(known(&m), &note);
    *return_slot(&m, 2) += 1;
    cr_assert_eq(mprotect(outer_page, PAGE_WORDS * WORD, PROT_NONE), 0);
    cr_assert_null(known(&m), "and it is alive");
}

Test(stack_recall, a_list_that_is_noted_anew_is_guessed_with_the_new_note)
{
    struct made_up m = make(FEW_FRAMES);
    int notes[2];
    cr_assert_eq(learn(&m, &notes[0]), &notes[0]);
    find_some_times(&m, &notes[0]);
    walk(&m);
    stack_recall_note(m.recall, m.mend, &notes[1]);
    find_some_times(&m, &notes[1]);
}
