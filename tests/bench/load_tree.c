#include "load_tree.h"

enum { WORD_BITS = 64 };

static uint64_t rotate(uint64_t turns)
{
    return turns >> 1 | turns << (WORD_BITS - 1);
}

static uint64_t go_left(load_leaf *leaf, struct load_worker *worker, uint64_t turns,
                        unsigned levels);

__attribute__((noinline)) static uint64_t go_right(load_leaf *leaf, struct load_worker *worker,
                                                   uint64_t turns, unsigned levels)
{
    volatile uint64_t wider[6]; /* makes this frame larger than go_left's */
    wider[0] = 2;
    uint64_t below;
    if (levels == 1) {
        below = leaf(worker);
    } else if (turns & 1) {
        below = go_right(leaf, worker, rotate(turns), levels - 1);
    } else {
        below = go_left(leaf, worker, rotate(turns), levels - 1);
    }
    return below + wider[0];
}

__attribute__((noinline)) static uint64_t go_left(load_leaf *leaf, struct load_worker *worker,
                                                  uint64_t turns, unsigned levels)
{
    uint64_t below;
    if (levels == 1) {
        below = leaf(worker);
    } else if (turns & 1) {
        below = go_right(leaf, worker, rotate(turns), levels - 1);
    } else {
        below = go_left(leaf, worker, rotate(turns), levels - 1);
    }
    return below + 1;
}

uint64_t load_tree_call(load_leaf *leaf, struct load_worker *worker, uint64_t turns,
                        unsigned levels)
{
    if (levels == 0) {
        return leaf(worker);
    }
    return turns & 1 ? go_right(leaf, worker, rotate(turns), levels)
                     : go_left(leaf, worker, rotate(turns), levels);
}

static unsigned bits_of(uint64_t paths)
{
    unsigned bits = 0;
    while (bits < WORD_BITS - 1 && UINT64_C(1) << bits < paths) {
        bits++;
    }
    return bits;
}

int load_tree_fits(uint64_t paths, unsigned levels)
{
    return bits_of(paths) <= levels;
}

uint64_t load_tree_turns(enum load_branch branch, uint64_t path, uint64_t paths, unsigned levels)
{
    if (branch == LOAD_BRANCH_EVERY) {
        /* An odd factor permutes the numbers below 2^levels and fills the bits above the path's. */
        return path * UINT64_C(0x9e3779b97f4a7c15);
    }
    unsigned bits = bits_of(paths);
    unsigned room = levels < WORD_BITS ? levels : WORD_BITS;
    uint64_t turns = 0;
    for (unsigned i = 0; i < bits; i++) {
        turns |= (path >> i & 1) << i * room / bits;
    }
    return turns;
}
