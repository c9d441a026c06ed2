#include "stack_recall.h"

#include "stack_keep.h"

enum { RECALL_BP_BELOW = 16 /* bytes below sp: bp, and the return address */ };

/* What leads to a piece. */
struct recall_entry {
    uint64_t key;
    enum stack_recall_key_kind key_kind;
    uint8_t kind; /* of the piece, as it has them */
    uint32_t since;
};

/* A list as it is written, piece by piece. */
struct recall_writer {
    struct stack_recall *recall;
    const struct stack_mend *mend;
    struct stack_recall_piece *piece;
    uint64_t key;      /* of the piece, once that is whole */
    uint32_t verified; /* words to pass over: they have led to the first piece */
    uint32_t pieces;
};

void stack_recall_forget(struct stack_recall *r, struct stack_range home)
{
    r->salt = ++r->numbers * UINT64_C(0xA0761D6478BD642F);
    r->missed = 0;
    r->id = 0;
    stack_guess_forget(&r->guesses, home);
}

/* The piece that pc and sp, or the bp with them, lead to from a word that is a return address. */
static struct stack_recall_piece *branch_by_frame(struct stack_recall *r,
                                                  const struct stack_recall_piece *piece,
                                                  uint32_t i, uint64_t *ret_key)
{
    uint64_t value = *piece->words[i].at;
    uint64_t sp = (uintptr_t)(piece->words[i].at + 1);
    if ((piece->bps >> i & 1) != 0) {
        return NULL;
    }
    *ret_key = stack_recall_key(r, STACK_RECALL_FREE, value, sp);
    struct stack_recall_piece *found = stack_recall_piece_of(r, *ret_key);
    if (found == NULL && (piece->saved >> i & 1) != 0) {
        *ret_key = stack_recall_key(r, STACK_RECALL_BP_BELOW, value, sp);
        found = stack_recall_piece_of(r, *ret_key);
    }
    return found;
}

static struct stack_recall_link *link_at(struct stack_recall *r, uint64_t from, uintptr_t value)
{
    uint64_t spread = (value ^ from << 16) * UINT64_C(0x9E3779B97F4A7C15);
    return &r->links[spread >> (64 - STACK_RECALL_LINK_BITS)];
}

/* The piece that goes on from a piece's word `i`, which is another one now, or NULL; its key and
 * the word's term. */
__attribute__((noinline)) static const struct stack_recall_piece *
branch(struct stack_recall *r, const struct stack_recall_piece *piece, uint32_t i,
       uint64_t *ret_key, uint64_t *ret_term)
{
    uintptr_t value = *piece->words[i].at;
    uint64_t from = piece->number | i;
    *ret_term = stack_recall_term(piece->words[i].at, value);
    struct stack_recall_piece *found = branch_by_frame(r, piece, i, ret_key);
    if (found == NULL) {
        *ret_key = stack_recall_key(r, STACK_RECALL_AFTER, from, value);
        found = stack_recall_piece_of(r, *ret_key);
    }
    if (found != NULL) {
        struct stack_recall_link *link = link_at(r, from, value);
        link->from = 0;
        atomic_signal_fence(memory_order_seq_cst); /* a handler that jumps away leaves no half */
        link->value = value;
        link->to = found;
        link->key = *ret_key;
        link->term = *ret_term;
        atomic_signal_fence(memory_order_seq_cst);
        link->from = from;
    }
    return found;
}

/* The note of the list with that id, or NULL. */
static inline void *end_of(struct stack_recall *r, uint64_t id)
{
    const struct stack_recall_end *ends = stack_recall_ends_of(r, id);
    r->missed = 0;
    r->id = id;
    for (unsigned way = 0; way < STACK_RECALL_END_WAYS; way++) {
        if (ends[way].id == id) {
            return ends[way].note;
        }
    }
    return NULL;
}

void stack_recall_put_end(struct stack_recall *r, const struct stack_mend *mend, void *note)
{
    uint32_t innermost = mend->count - 1;
    const struct stack_at at = {mend->pcs[innermost], mend->sps[innermost], r->bp};
    uint64_t id = r->id;
    struct stack_recall_end *ends = stack_recall_ends_of(r, id);
    unsigned way = 0;
    while (way + 1 < STACK_RECALL_END_WAYS && ends[way].id != id) {
        way++;
    }
    for (; way > 0; way--) {
        ends[way] = ends[way - 1];
    }
    ends[0] = (struct stack_recall_end){id, note};
    stack_guess_drop(&r->guesses, &at);
}

/* A list that is copied; `count` is too high where there is no room. */
struct recall_copy {
    struct stack_word *words;
    uint32_t room;
    uint32_t count;
};

static void copy_word(struct recall_copy *to, struct stack_word word)
{
    if (to->count < to->room) {
        to->words[to->count] = word;
    }
    to->count++;
}

static void copy_words(struct recall_copy *to, const struct stack_recall_piece *piece,
                       uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        copy_word(to, piece->words[i]);
    }
}

/* The search by pieces; the words that it reads are added to `copy`, if there is one. */
__attribute__((always_inline)) static inline void *
search(struct stack_recall *r, const struct stack_at *at, struct recall_copy *copy)
{
    uint64_t key = stack_recall_key(r, STACK_RECALL_INNERMOST, at->pc, at->sp);
    const struct stack_recall_piece *piece = stack_recall_piece_of(r, key);
    uint64_t id = key ^ key >> 32;
    uint32_t verified = 0;
    r->from = NULL;
    for (unsigned hop = 0; piece != NULL && hop < STACK_RECALL_HOPS; hop++) {
        uint32_t same = stack_recall_same(piece);
        r->from = piece;
        r->entered = verified;
        id += piece->sums[same];
        verified += same;
        if (copy != NULL) {
            copy_words(copy, piece, same);
        }
        if (same != piece->count) {
            uintptr_t value = *piece->words[same].at;
            if (copy != NULL) {
                copy_word(copy, (struct stack_word){piece->words[same].at, value});
            }
            uint64_t from = piece->number | same;
            const struct stack_recall_link *link = link_at(r, from, value);
            verified++;
            if (__builtin_expect(link->from == from && link->value == value &&
                                     link->to->key == link->key,
                                 true)) {
                id += link->term;
                piece = link->to;
                continue;
            }
            uint64_t term;
            piece = branch(r, piece, same, &key, &term);
            id += term;
        } else if (piece->next != 0) {
            key = piece->next;
            piece =
                piece->next_piece->key == key ? piece->next_piece : stack_recall_piece_of(r, key);
        } else {
            r->verified = verified;
            return end_of(r, id);
        }
        if (__builtin_expect(piece == NULL, false)) {
            piece = stack_recall_piece_of(r, stack_recall_whole_key(r, id));
        }
    }
    /* Of too many pieces: `key` is of one that was gone through. */
    r->missed = piece == NULL ? key : stack_recall_whole_key(r, id);
    r->id = id;
    r->verified = verified;
    return NULL;
}

/* The list that has just been found, of not too many words, becomes a guess. */
__attribute__((noinline)) static void keep_guess(struct stack_recall *r, const struct stack_at *at)
{
    uint32_t words = r->verified;
    struct stack_guess *guess = stack_guess_take(&r->guesses, at, words);
    if (guess == NULL) {
        return;
    }
    struct recall_copy copy = {.words = stack_guess_words(guess), .room = words};
    guess->note = search(r, at, &copy);
    if (guess->note == NULL || copy.count != words) {
        return; /* another thread writes into this stack */
    }
    copy.words[words] = (struct stack_word){&r->nowhere, 1};
    guess->end = copy.words + words;
    stack_guess_put(&r->guesses, guess, &r->bp);
}

void *stack_recall_search(struct stack_recall *r, const struct stack_at *at)
{
    void *note = search(r, at, NULL);
    if (note != NULL && r->verified <= STACK_GUESS_WORDS) {
        keep_guess(r, at);
    }
    return note;
}

/* The first piece of a list that shares none with lists it does not begin like. */
static struct recall_entry whole_entry(uint64_t key)
{
    return (struct recall_entry){key, STACK_RECALL_WHOLE, STACK_RECALL_WHOLE, 0};
}

/* One that goes on from `piece` after so many of its words. */
static struct recall_entry after_entry(const struct stack_recall_piece *piece, uint32_t words,
                                       uint64_t key)
{
    return (struct recall_entry){key, STACK_RECALL_AFTER, piece->kind, piece->since + words};
}

static void close_piece(struct recall_writer *w, const struct recall_entry *next,
                        struct stack_recall_piece *at)
{
    w->piece->words[w->piece->count] = (struct stack_word){&w->recall->nowhere, 1};
    w->piece->next = next->key;
    w->piece->next_kind = (uint8_t)next->key_kind;
    w->piece->next_piece = at;
    atomic_signal_fence(memory_order_seq_cst);
    w->piece->key = w->key;
}

/* Begins a piece; one that is open leads to it. */
static void open_piece(struct recall_writer *w, const struct recall_entry *by)
{
    struct stack_recall *r = w->recall;
    struct stack_recall_piece *piece = stack_recall_set(r, by->key);
    r->numbers++;
    unsigned way = 0;
    while (way < STACK_RECALL_WAYS && piece[way].key != 0) {
        way++;
    }
    piece += way < STACK_RECALL_WAYS ? way : r->numbers % STACK_RECALL_WAYS;
    if (w->piece != NULL) {
        close_piece(w, by, piece);
    }
    w->key = by->key;
    w->piece = piece;
    w->pieces++;
    piece->key = 0;
    atomic_signal_fence(memory_order_seq_cst); /* a handler that jumps away leaves no half of one */
    piece->number = r->numbers << 4;
    piece->next = 0;
    piece->count = 0;
    piece->sums[0] = 0;
    piece->bps = 0;
    piece->saved = 0;
    piece->kind = by->kind;
    piece->since = by->since;
}

/* False: memory does not say so, and nothing may be kept. */
static inline bool add_word(struct recall_writer *w, const uintptr_t *at, uintptr_t value,
                            bool is_bp, bool is_saved)
{
    if (*at != value) {
        return false;
    }
    if (w->verified != 0) {
        w->verified--;
        return true;
    }
    struct stack_recall_piece *piece = w->piece;
    piece->bps |= (uint16_t)((unsigned)is_bp << piece->count);
    piece->saved |= (uint16_t)((unsigned)is_saved << piece->count);
    uint64_t sum = piece->sums[piece->count] + stack_recall_term(at, value);
    piece->words[piece->count++] = (struct stack_word){at, value};
    piece->sums[piece->count] = sum;
    return true;
}

static bool saves_below(stack_rule rule)
{
    return (rule & STACK_RULE_SAVES_BP) != 0 &&
           stack_rule_bp_off(rule) == (uintptr_t)-RECALL_BP_BELOW;
}

/* What the step from frame i reads. */
static bool add_step(struct recall_writer *w, uint32_t i)
{
    const struct stack_mend *mend = w->mend;
    stack_rule rule = mend->rules[i];
    if (stack_rule_is_by_bp(rule)) {
        uintptr_t bp_at = stack_keep_bp_at(mend, i);
        const uintptr_t *at =
            bp_at == STACK_BP_REGISTER ? &w->recall->bp : (const uintptr_t *)bp_at;
        if (!add_word(w, at, mend->bps[i], true, false)) {
            return false;
        }
    }
    return add_word(w, (const uintptr_t *)(mend->sps[i - 1] - 8), mend->pcs[i - 1], false,
                    saves_below(rule));
}

/*
 * The kind of each frame's key: the words that are read from it on depend on its bp where a frame
 * of them, or further out, has its bp saved further in. False where a step is told by more than a
 * constant and bp.
 */
static bool judge_frames(struct recall_writer *w)
{
    const struct stack_mend *mend = w->mend;
    uint8_t *kinds = w->recall->kinds;
    for (uint32_t i = 0; i < mend->count; i++) {
        kinds[i] = STACK_RECALL_FREE;
    }
    for (uint32_t i = 1; i < mend->count; i++) {
        if (stack_rule_is_plain(mend->rules[i])) {
            continue;
        }
        uintptr_t bp_at = stack_keep_bp_at(mend, i);
        if (!stack_rule_is_by_bp(mend->rules[i]) || bp_at == STACK_BP_LOST) {
            return false;
        }
        for (uint32_t j = i; j < mend->count && mend->sps[j] > bp_at; j++) {
            bool is_below = bp_at == mend->sps[j] - RECALL_BP_BELOW && j + 1 < mend->count &&
                            saves_below(mend->rules[j + 1]) && kinds[j] != STACK_RECALL_AFTER;
            kinds[j] = is_below ? STACK_RECALL_BP_BELOW : STACK_RECALL_AFTER;
        }
    }
    return true;
}

/* The frame whose step reads what comes after the first `words` words of the list. */
static uint32_t frame_after(const struct stack_mend *mend, uint32_t words)
{
    uint32_t i = mend->count - 1;
    while (words > 0 && i > 0) {
        uint32_t of_step = stack_rule_is_by_bp(mend->rules[i]) ? 2 : 1;
        words -= of_step < words ? of_step : words;
        i--;
    }
    return i;
}

/*
 * Under which key the first piece is put: the one that was missed, when what that stands for holds
 * for this list. Of a frame's pc and sp: that the frame's kind is the key's. Of a piece that was
 * reached so: the same of the frame it begins at.
 */
static struct recall_entry find_entry(const struct stack_recall *r, const struct stack_mend *mend)
{
    const struct stack_recall_piece *from = r->from;
    if (from == NULL) {
        return whole_entry(r->missed); /* of the innermost frame */
    }
    uint32_t words = r->verified - r->entered;
    if (words == from->count && from->next == r->missed && from->next_kind != STACK_RECALL_AFTER) {
        uint8_t kind = from->next_kind;
        return r->kinds[frame_after(mend, r->verified)] == kind
                   ? (struct recall_entry){r->missed, kind, kind, 0}
                   : whole_entry(stack_recall_whole_key(r, r->id));
    }
    bool holds = from->kind == STACK_RECALL_WHOLE ||
                 r->kinds[frame_after(mend, r->entered - from->since)] == from->kind;
    return holds ? after_entry(from, words, r->missed)
                 : whole_entry(stack_recall_whole_key(r, r->id));
}

/* What a piece that begins at the step from frame i is found by; `piece` is whole. */
static struct recall_entry entry_at(const struct recall_writer *w, uint32_t i)
{
    const struct stack_recall_piece *piece = w->piece;
    uint8_t kind = w->recall->kinds[i];
    if (kind == STACK_RECALL_AFTER) {
        uint64_t number = piece->number | piece->count;
        return after_entry(piece, piece->count, stack_recall_key(w->recall, kind, number, 0));
    }
    uint64_t key = stack_recall_key(w->recall, kind, w->mend->pcs[i], w->mend->sps[i]);
    return (struct recall_entry){key, kind, kind, 0};
}

/* Before the step from frame i: ends the piece where there is one that goes on from here, or no
 * room. False: nothing is left to do. */
static bool go_on(struct recall_writer *w, uint32_t i)
{
    struct stack_recall_piece *piece = w->piece;
    if (w->verified != 0 || piece->count == 0) {
        return true;
    }
    bool is_full = piece->count + 2 > STACK_RECALL_WORDS;
    struct recall_entry next = entry_at(w, i);
    if (next.key_kind != STACK_RECALL_AFTER) {
        struct stack_recall_piece *found = stack_recall_piece_of(w->recall, next.key);
        if (found != NULL) {
            close_piece(w, &next, found);
            return false;
        }
    }
    if (is_full) {
        open_piece(w, &next);
    }
    return w->pieces <= STACK_RECALL_HOPS;
}

bool stack_recall_is_candidate(struct stack_recall *r, uint64_t key)
{
    struct stack_recall_piece *set = stack_recall_set(r, key);
    unsigned way = 0;
    while (way + 1 < STACK_RECALL_WAYS && set[way].candidate != key) {
        way++;
    }
    bool is_known = set[way].candidate == key;
    for (; way > 0; way--) {
        set[way].candidate = set[way - 1].candidate;
    }
    set[0].candidate = key;
    return is_known;
}

void stack_recall_put(struct stack_recall *r, const struct stack_mend *mend)
{
    struct recall_writer w = {.recall = r, .mend = mend, .verified = r->verified};
    if (!judge_frames(&w)) {
        return;
    }
    struct recall_entry first = find_entry(r, mend);
    open_piece(&w, &first);
    for (uint32_t i = mend->count - 1; i > 0; i--) {
        if (!go_on(&w, i) || !add_step(&w, i)) {
            return;
        }
    }
    if (w.verified == 0) {
        close_piece(&w, &(struct recall_entry){.key = 0}, NULL);
    }
}
