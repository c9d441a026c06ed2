/*
 * stack_recall - stacks that this thread has had before, known again by what their walks read.
 * A walk is a function of pc, sp and bp at the call and of the words that it reads. So a list of
 * those words, each with what was found there, tells a stack from all others, and to find them all
 * the same is to have walked. Lists are kept in pieces. What a walk reads outward of a frame
 * depends on that frame's pc and sp, and now and then on its bp, so that lists share the pieces
 * from there on; where a word differs, what is found there says which piece goes on with that. Both
 * are shared only as far as they hold for the list at hand: a piece that is reached by a frame's pc
 * and sp alone, and all that go on from it, are of lists to which bp does not matter from that
 * frame on; a list to which it does goes on under a key of all its words so far. Not for: frames; a
 * stack that is known again is told by its note alone. Owner:   part of struct stack_state.
 * Threads: one.   Signals: within a capture; a siglongjmp out of it leaves a piece without a key.
 * Memory:  the struct alone, its pages touched as used.   Errno: never touched.
 */
#ifndef ALLOCTRAP_STACK_RECALL_H
#define ALLOCTRAP_STACK_RECALL_H

#include "stack_mend.h"

#include <stdalign.h>

enum {
    STACK_RECALL_SET_BITS = 9,
    STACK_RECALL_WAYS = 2,
    STACK_RECALL_END_BITS = 10,
    STACK_RECALL_LINK_BITS = 8,
    STACK_RECALL_GUESS_BITS = 8,
    STACK_RECALL_GUESS_WORDS = 28, /* a guess is eight cache lines */
    STACK_RECALL_WORDS = 10,       /* a piece is five cache lines */
    STACK_RECALL_HOPS = 64,        /* a list of more pieces is not looked at */
    STACK_RECALL_AT_ONCE = 16, /* one miss in so many is kept the first time: when three keys take
                                  turns in one set, none is a candidate for long */
    STACK_RECALL_TRIES = 1024  /* so many misses are a reason to ask whether it pays */
};

/* What a key stands for: they never meet. */
enum stack_recall_key_kind {
    STACK_RECALL_INNERMOST = 0, /* pc, sp: where the walk begins; bp is in the register */
    STACK_RECALL_FREE,          /* pc, sp: a frame from which on bp does not matter */
    STACK_RECALL_BP_BELOW,      /* pc, sp: one whose bp was saved right below its return address */
    STACK_RECALL_AFTER,         /* piece and word, value: as the piece was reached itself */
    STACK_RECALL_WHOLE          /* the sum of all words that led to it */
};

/* A word that a walk reads, and what it found there. */
struct stack_recall_word {
    const uintptr_t *at;
    uintptr_t value;
};

struct stack_recall_piece {
    alignas(64) uint64_t key; /* of what leads to it; 0 = none, and nobody asks for that */
    uint64_t number;          /* no other piece's, ever; in bits 4 and up */
    uint64_t next;            /* the key of the piece that goes on; 0: the stack is complete */
    struct stack_recall_piece *next_piece; /* where that was */
    uint64_t candidate; /* a key missed in this set: once more, and it gets a place */
    uint32_t count;
    uint16_t bps;   /* bit i: word i is a bp, no return address */
    uint16_t saved; /* bit i: the bp beyond return address i was saved right below it */
    struct stack_recall_word words[STACK_RECALL_WORDS + 1]; /* with one that is never the same */
    uint64_t sums[STACK_RECALL_WORDS + 1]; /* of the terms of all words before this one */
    uint32_t since;    /* words before its first one, from the piece on that is no AFTER */
    uint8_t kind;      /* of the key of that piece: what holds for this one's lists as well */
    uint8_t next_kind; /* of `next` */
};

/* Which piece went on from a word that was another one: found without the search that told it. */
struct stack_recall_link {
    uint64_t from; /* the piece's number, and the word's; 0 = none */
    uintptr_t value;
    struct stack_recall_piece *to;
    uint64_t key; /* of `to` then */
    uint64_t term;
};

/* A list of not too many words as a whole, which came after the two lists before it: programs
 * repeat themselves, and a guess that is right costs but its words. */
struct stack_recall_guess {
    alignas(64) uintptr_t pc; /* 0 = none */
    uintptr_t sp;
    uint64_t id; /* of the list */
    void *note;
    uint32_t count;
    uint32_t trust; /* it was right since it was wrong */
    uint64_t
        wanted; /* the id that was found last when this was no help: once more, and it is kept */
    struct stack_recall_word words[STACK_RECALL_GUESS_WORDS + 1]; /* with one never the same */
};

/* A whole list. */
struct stack_recall_end {
    uint64_t id; /* the sum of its words' terms, however they are in pieces; 0 = none */
    void *note;
};

struct stack_recall {
    uintptr_t bp;      /* the register at the call: a word like those in memory */
    uint64_t numbers;  /* given to pieces, in the whole life of this memory */
    uint64_t salt;     /* of all keys: those under another one are forgotten */
    uint64_t missed;   /* the key that the last search ended with; 0: the list was there */
    uint64_t id;       /* of that list, or of the words that had led to `missed` */
    uint32_t verified; /* how many these are */
    uint32_t entered;  /* and how many had led to `from` */
    const struct stack_recall_piece *from; /* the piece that `missed` would have gone on from */
    uint32_t finds;                        /* searches, and those that found nothing, of late */
    uint32_t misses;
    uintptr_t nowhere;               /* 0, of the words that are never the same */
    uint8_t kinds[STACK_FRAMES_MAX]; /* while a list is put: the kind of each frame's key */
    struct stack_recall_end ends[1 << STACK_RECALL_END_BITS];
    struct stack_recall_link links[1 << STACK_RECALL_LINK_BITS];
    struct stack_recall_guess *guess; /* that the last search has looked at */
    uint64_t found_id;                /* of the list that was found last */
    uint64_t context;                 /* of the two that were found last */
    struct stack_recall_guess guesses[1 << STACK_RECALL_GUESS_BITS];
    struct stack_recall_piece pieces[STACK_RECALL_WAYS << STACK_RECALL_SET_BITS];
};

_Static_assert(sizeof(struct stack_recall_piece) == 320, "five cache lines");
_Static_assert(sizeof(struct stack_recall_guess) == 512, "eight cache lines");

/* PURE. For one `a` no two `b` have one key. */
static inline uint64_t stack_recall_key(const struct stack_recall *recall,
                                        enum stack_recall_key_kind kind, uint64_t a, uint64_t b)
{
    uint64_t spread = (a + ((uint64_t)kind << 56)) * UINT64_C(0x9E3779B97F4A7C15);
    return (spread ^ recall->salt ^ b) * UINT64_C(0xD6E8FEB86659FD93);
}

/* PURE. A word's part of the identity of its list. */
static inline uint64_t stack_recall_term(const uintptr_t *at, uintptr_t value)
{
    uint64_t x = ((uintptr_t)at * UINT64_C(0x9E3779B97F4A7C15) ^ value);
    x = (x ^ x >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    x = (x ^ x >> 29) * UINT64_C(0xE7037ED1A0B428DB);
    return x ^ x >> 32; /* folded last: what is multiplied last adds up to the same */
}

static inline struct stack_recall_piece *stack_recall_set(struct stack_recall *recall, uint64_t key)
{
    return &recall->pieces[(key >> (64 - STACK_RECALL_SET_BITS)) * STACK_RECALL_WAYS];
}

/* The piece of that key, or NULL. */
static inline struct stack_recall_piece *stack_recall_piece_of(struct stack_recall *recall,
                                                               uint64_t key)
{
    struct stack_recall_piece *piece = stack_recall_set(recall, key);
    if (piece->key == key) {
        return piece;
    }
    return piece[1].key == key ? piece + 1 : NULL;
}

static inline uint64_t stack_recall_whole_key(const struct stack_recall *recall, uint64_t id)
{
    return stack_recall_key(recall, STACK_RECALL_WHOLE, id >> 8, id);
}

/* How many words of a piece, from its first on, are as they were. */
static inline uint32_t stack_recall_same(const struct stack_recall_piece *piece)
{
    const struct stack_recall_word *word = piece->words;
    while (*word->at == word->value) {
        word++;
    }
    return (uint32_t)(word - piece->words);
}

static inline struct stack_recall_end *stack_recall_end_at(struct stack_recall *recall, uint64_t id)
{
    return &recall->ends[(id >> (64 - STACK_RECALL_END_BITS)) & ~UINT64_C(1)];
}

/* PURE. Where the list that comes after those of `context` is guessed at. */
static inline size_t stack_recall_guess_index(uint64_t context, const struct stack_at *at)
{
    uint64_t spread = ((at->pc + at->sp) ^ context) * UINT64_C(0x9E3779B97F4A7C15);
    return spread >> (64 - STACK_RECALL_GUESS_BITS);
}

static inline void stack_recall_found(struct stack_recall *recall, uint64_t id)
{
    recall->context = id ^ recall->found_id << 21; /* any other bits than the id's own */
    recall->found_id = id;
}

/* HOT. stack_recall_find() where the guess was wrong. */
void *stack_recall_search(struct stack_recall *recall, const struct stack_at *at);

/* HOT. The note of the stack of `at`, or NULL. No word is read that a walk of this very stack would
 * not read. */
static inline void *stack_recall_find(struct stack_recall *recall, const struct stack_at *at)
{
    size_t index = stack_recall_guess_index(recall->context, at);
    struct stack_recall_guess *guess = &recall->guesses[index];
    recall->guess = guess;
    recall->bp = at->bp;
    recall->finds++;
    if (guess->pc == at->pc && guess->sp == at->sp) {
        const struct stack_recall_word *word = guess->words;
        while (*word->at == word->value) {
            word++;
        }
        if (word == guess->words + guess->count) {
            recall->missed = 0;
            recall->id = guess->id;
            guess->trust = 1;
            stack_recall_found(recall, guess->id);
            return guess->note;
        }
    }
    return stack_recall_search(recall, at);
}

/* HOT. Forgets all. Also a beginning: memory is zero, or was one before. */
void stack_recall_forget(struct stack_recall *recall);

/* HOT. Keeps the pieces that the last search missed. */
void stack_recall_put(struct stack_recall *recall, const struct stack_mend *mend);

/* HOT. `mend` has walked, as a whole, the stack of `at` that stack_recall_find() did not find: when
 * it misses a piece twice, that is kept; and then the stack, with `note`. */
static inline void stack_recall_note(struct stack_recall *recall, const struct stack_mend *mend,
                                     void *note)
{
    if (recall->missed == 0) {
        struct stack_recall_end *end = stack_recall_end_at(recall, recall->id);
        end[1] = end[0];
        end[0] = (struct stack_recall_end){recall->id, note};
        recall->guess->pc = 0;
        return;
    }
    struct stack_recall_piece *set = stack_recall_set(recall, recall->missed);
    if (set[0].candidate == recall->missed || set[1].candidate == recall->missed ||
        recall->misses % STACK_RECALL_AT_ONCE == 0) {
        stack_recall_put(recall, mend);
    } else {
        set[1].candidate = set[0].candidate;
        set[0].candidate = recall->missed;
    }
}

enum stack_recall_worth { STACK_RECALL_UNKNOWN, STACK_RECALL_POOR, STACK_RECALL_GOOD };

/* HOT. Another search has found nothing; did most of late find something? Asked after some. */
static inline enum stack_recall_worth stack_recall_judge(struct stack_recall *recall)
{
    if (++recall->misses < STACK_RECALL_TRIES) {
        return STACK_RECALL_UNKNOWN;
    }
    bool is_poor = recall->finds < STACK_RECALL_TRIES + STACK_RECALL_TRIES / 2;
    recall->misses = 0;
    recall->finds = 0;
    return is_poor ? STACK_RECALL_POOR : STACK_RECALL_GOOD;
}

#endif
