/*
 * stack_guess - whole lists of words (stack_recall), one of which may be that of the stack at hand:
 * to compare one as a whole costs but its words, where the search by pieces goes from one to the
 * next.
 *
 * Which one it may be is told by the words that tell the lists of one innermost frame apart: a tree
 * whose nodes are the first words by which lists differ, outward (a PATRICIA tree: Morrison, JACM
 * 15/4, 1968, over words). What leads to a node is the same in all lists below it, so that the word
 * of a node is one that their walks read. Of a stack that is in no list it may be any word, so it
 * is read within the thread's own stack alone, all of which above the stack pointer is there as
 * long as the thread is. The guess is compared word by word.
 *
 * Not for: stacks elsewhere (coroutines, handlers on stacks of their own), and lists of many words.
 * Owner:   part of struct stack_recall.   Threads: one.
 * Signals: within a capture; a siglongjmp out of it leaves a tree that finds less.
 * Memory:  the struct alone, its pages touched as used.   Errno: never touched.
 */
#ifndef ALLOCTRAP_STACK_GUESS_H
#define ALLOCTRAP_STACK_GUESS_H

#include "stack_bounds.h"
#include "stack_walk.h"

#include <stdalign.h>
#include <stddef.h>

enum {
    STACK_GUESS_WORDS_FEW = 27, /* such a guess is eight cache lines */
    STACK_GUESS_WORDS = 43,     /* and such a one twelve */
    STACK_GUESS_SMALL = 384,    /* of few words */
    STACK_GUESS_LARGE = 144,
    STACK_GUESS_NODES = 512,
    STACK_GUESS_WAYS = 3, /* a node is one cache line */
    STACK_GUESS_ROOT_BITS = 8,
    STACK_GUESS_ROOT_WAYS = 4,
    STACK_GUESS_HOLDS = 16,     /* others that want a root's place, before one gets it */
    STACK_GUESS_FULL_SHARE = 4, /* when all are in use, one list in so many takes another's */
    STACK_GUESS_LEAF = 1        /* in a reference: to a guess, not to a node */
};

/* A word that a walk reads, and what it found there. */
struct stack_word {
    const uintptr_t *at;
    uintptr_t value;
};

/* The address of a node, or that of a guess and LEAF. */
typedef uintptr_t stack_guess_ref;

/* A list of not too many words, which stand behind it. */
struct stack_guess {
    const struct stack_word *end; /* of its words: one that is never the same */
    void *note;
    stack_guess_ref *from; /* what refers to it; NULL: nothing does */
    struct stack_at at;
    bool was_right; /* of late */
};

struct stack_guess_small {
    alignas(64) struct stack_guess guess;
    struct stack_word words[STACK_GUESS_WORDS_FEW + 1];
};
_Static_assert(sizeof(struct stack_guess_small) == 512, "eight cache lines");

struct stack_guess_large {
    alignas(64) struct stack_guess guess;
    struct stack_word words[STACK_GUESS_WORDS + 1];
};
_Static_assert(sizeof(struct stack_guess_large) == 768, "twelve cache lines");

/* How far the guesses of one size are in use. */
struct stack_guess_use {
    uint32_t count;
    uint32_t next;   /* the one to be used again next */
    uint32_t wanted; /* lists that found all in use */
};

/* A value of a node's word, and the lists that have it. */
struct stack_guess_way {
    uintptr_t value;
    stack_guess_ref to;
};

struct stack_guess_node {
    alignas(64) const uintptr_t *at;
    stack_guess_ref more; /* a node of the same word with other values, or none */
    struct stack_guess_way ways[STACK_GUESS_WAYS];
};
_Static_assert(sizeof(struct stack_guess_node) == 64, "one cache line");

/* An innermost frame. */
struct stack_guess_root {
    uintptr_t pc; /* 0 = none */
    uintptr_t sp;
    stack_guess_ref to;
    uint64_t holds;
};

struct stack_guesses {
    struct stack_range home; /* where words of nodes may be read */
    uintptr_t nowhere;       /* 0, of words that are never the same */
    uint32_t node_count;     /* that were used */
    struct stack_guess_use small_use;
    struct stack_guess_use large_use;
    stack_guess_ref free_node; /* none, or one that leads to the next by its `more` */
    struct stack_guess_root roots[1 << STACK_GUESS_ROOT_BITS][STACK_GUESS_ROOT_WAYS];
    uint8_t positions[STACK_GUESS_NODES];      /* of a node's word in all lists below it */
    stack_guess_ref *froms[STACK_GUESS_NODES]; /* what refers to a node */
    struct stack_guess_node nodes[STACK_GUESS_NODES];
    struct stack_guess_small none; /* what leads nowhere leads there */
    struct stack_guess_small small[STACK_GUESS_SMALL];
    struct stack_guess_large large[STACK_GUESS_LARGE];
};

static inline struct stack_word *stack_guess_words(struct stack_guess *guess)
{
    return (struct stack_word *)(guess + 1);
}

static inline bool stack_guess_is_home(const struct stack_guesses *g, uintptr_t addr)
{
    return addr - g->home.low < g->home.high - g->home.low;
}

static inline struct stack_guess_root *stack_guess_roots(struct stack_guesses *g,
                                                         const struct stack_at *at)
{
    uint64_t spread = (at->pc + at->sp) * UINT64_C(0x9E3779B97F4A7C15);
    return g->roots[spread >> (64 - STACK_GUESS_ROOT_BITS)];
}

/* The root of an innermost frame, or NULL. */
static inline struct stack_guess_root *stack_guess_root_of(struct stack_guesses *g,
                                                           const struct stack_at *at)
{
    struct stack_guess_root *roots = stack_guess_roots(g, at);
    for (unsigned way = 0; way < STACK_GUESS_ROOT_WAYS; way++) {
        if (roots[way].pc == at->pc && roots[way].sp == at->sp) {
            return &roots[way];
        }
    }
    return NULL;
}

/* Where a node leads to with that value of its word. */
static inline stack_guess_ref stack_guess_step(const struct stack_guess_node *node, uintptr_t value)
{
    if (node->ways[0].value == value) {
        return node->ways[0].to;
    }
    if (node->ways[1].value == value) {
        return node->ways[1].to;
    }
    return node->ways[2].value == value ? node->ways[2].to : node->more;
}

/* The guess that the words of the stack at hand lead to; `none` is never right. */
static inline struct stack_guess *stack_guess_below(stack_guess_ref to)
{
    while ((to & STACK_GUESS_LEAF) == 0) {
        const struct stack_guess_node *node = (const struct stack_guess_node *)to;
        to = stack_guess_step(node, *node->at);
    }
    return (struct stack_guess *)(to - STACK_GUESS_LEAF);
}

/* The first word that is not as it was; the end, when all are. */
static inline const struct stack_word *stack_guess_differs(struct stack_guess *guess)
{
    const struct stack_word *word = stack_guess_words(guess);
    for (;; word += 4) {
        if (*word[0].at != word[0].value) {
            return word;
        }
        if (*word[1].at != word[1].value) {
            return word + 1;
        }
        if (*word[2].at != word[2].value) {
            return word + 2;
        }
        if (*word[3].at != word[3].value) {
            return word + 3;
        }
    }
}

/* HOT. The guess that is right for the stack of `at`, or NULL. */
static inline const struct stack_guess *stack_guess_find(struct stack_guesses *g,
                                                         const struct stack_at *at)
{
    const struct stack_guess_root *root = stack_guess_root_of(g, at);
    if (root == NULL) {
        return NULL;
    }
    struct stack_guess *guess = stack_guess_below(root->to);
    /* A tree has its root's frame alone; pc and sp are in no word. */
    if (guess->at.pc != at->pc || guess->at.sp != at->sp ||
        stack_guess_differs(guess) != guess->end) {
        return NULL;
    }
    guess->was_right = true;
    return guess;
}

/* HOT. A list of `at`, of so many words, was found otherwise. A guess for it, of which words, end
 * and note are to be filled before it is put; or NULL, when there is none to be had now. */
struct stack_guess *stack_guess_take(struct stack_guesses *g, const struct stack_at *at,
                                     uint32_t words);

/* HOT. Makes a guess that has been filled one to be found. bp: the word that stands for the
 * register, the only one of a list that is in no stack. */
void stack_guess_put(struct stack_guesses *g, struct stack_guess *guess, const uintptr_t *bp);

/* HOT. Forgets the guess that the words at hand lead to. */
void stack_guess_drop(struct stack_guesses *g, const struct stack_at *at);

/* HOT. Forgets all; the words of nodes are in `home` from now on. */
void stack_guess_forget(struct stack_guesses *g, struct stack_range home);

#endif
