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

#include "stack_guess.h"
#include "stack_mend.h"

#include <stdalign.h>

enum {
    STACK_RECALL_SET_BITS = 8,
    STACK_RECALL_WAYS = 4, /* with two, three keys of one set were met in one program of eight */
    STACK_RECALL_END_BITS = 8,
    STACK_RECALL_END_WAYS = 4,
    STACK_RECALL_LINK_BITS = 8,
    STACK_RECALL_WORDS = 10,   /* a piece is five cache lines */
    STACK_RECALL_HOPS = 64,    /* a list of more pieces is not looked at */
    STACK_RECALL_AT_ONCE = 16, /* one miss in so many is kept the first time: when keys take turns
                                  in one set, none is a candidate for long */
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

struct stack_recall_piece {
    alignas(64) uint64_t key; /* of what leads to it; 0 = none, and nobody asks for that */
    uint64_t number;          /* no other piece's, ever; in bits 4 and up */
    uint64_t next;            /* the key of the piece that goes on; 0: the stack is complete */
    struct stack_recall_piece *next_piece; /* where that was */
    uint64_t candidate; /* a key missed in this set: once more, and it gets a place */
    uint32_t count;
    uint16_t bps;   /* bit i: word i is a bp, no return address */
    uint16_t saved; /* bit i: the bp beyond return address i was saved right below it */
    struct stack_word words[STACK_RECALL_WORDS + 1]; /* with one that is never the same */
    uint64_t sums[STACK_RECALL_WORDS + 1];           /* of the terms of all words before this one */
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
    struct stack_recall_end ends[1 << STACK_RECALL_END_BITS][STACK_RECALL_END_WAYS];
    struct stack_recall_link links[1 << STACK_RECALL_LINK_BITS];
    struct stack_guesses guesses;
    struct stack_recall_piece pieces[STACK_RECALL_WAYS << STACK_RECALL_SET_BITS];
};

_Static_assert(sizeof(struct stack_recall_piece) == 320, "five cache lines");

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
    for (unsigned way = 0; way < STACK_RECALL_WAYS; way++) {
        if (piece[way].key == key) {
            return piece + way;
        }
    }
    return NULL;
}

static inline uint64_t stack_recall_whole_key(const struct stack_recall *recall, uint64_t id)
{
    return stack_recall_key(recall, STACK_RECALL_WHOLE, id >> 8, id);
}

/* How many words of a piece, from its first on, are as they were. */
static inline uint32_t stack_recall_same(const struct stack_recall_piece *piece)
{
    const struct stack_word *word = piece->words;
    while (*word->at == word->value) {
        word++;
    }
    return (uint32_t)(word - piece->words);
}

static inline struct stack_recall_end *stack_recall_ends_of(struct stack_recall *recall,
                                                            uint64_t id)
{
    return recall->ends[id >> (64 - STACK_RECALL_END_BITS)];
}

/* HOT. All words of the walk's list are known: it has this note from now on. */
void stack_recall_put_end(struct stack_recall *recall, const struct stack_mend *mend, void *note);

/* HOT. stack_recall_find() where no guess was right. */
void *stack_recall_search(struct stack_recall *recall, const struct stack_at *at);

/* HOT. The note of the stack of `at`, or NULL. */
__attribute__((always_inline)) static inline void *stack_recall_find(struct stack_recall *recall,
                                                                     const struct stack_at *at)
{
    recall->bp = at->bp;
    recall->finds++;
    const struct stack_guess *guess = stack_guess_find(&recall->guesses, at);
    return guess != NULL ? guess->note : stack_recall_search(recall, at);
}

/* HOT. Forgets all. Also a beginning: memory is zero, or was one before. home: of the thread whose
 * stacks come now. */
void stack_recall_forget(struct stack_recall *recall, struct stack_range home);

/* HOT. Keeps the pieces that the last search missed. */
void stack_recall_put(struct stack_recall *recall, const struct stack_mend *mend);

/* HOT. Was it missed before, among the latest of its set? It is one of them now. */
bool stack_recall_is_candidate(struct stack_recall *recall, uint64_t key);

/* HOT. `mend` has walked, as a whole, the stack of `at` that stack_recall_find() did not find: when
 * it misses a piece twice, that is kept; and then the stack, with `note`. */
static inline void stack_recall_note(struct stack_recall *recall, const struct stack_mend *mend,
                                     void *note)
{
    if (recall->missed == 0) {
        stack_recall_put_end(recall, mend, note);
        return;
    }
    if (stack_recall_is_candidate(recall, recall->missed) ||
        recall->misses % STACK_RECALL_AT_ONCE == 0) {
        stack_recall_put(recall, mend);
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
