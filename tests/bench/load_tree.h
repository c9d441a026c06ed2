/*
 * load_tree - many call paths of real functions: a two-way recursion that turns by the bits of a
 * word. Frames have two sizes, so that stacks of different paths do not line up by chance, and no
 * frame pointers unless the build asks for them. A path's turns are one word; the tree holds no
 * state. Threads: any. Memory: none. Units: levels are frames between the caller and the leaf.
 */
#ifndef LOAD_TREE_H
#define LOAD_TREE_H

#include <stdint.h>

struct load_worker;

/* What is done at the end of a path; its frame is the one that calls malloc. */
typedef uint64_t load_leaf(struct load_worker *worker);

/* Goes down `levels` frames, taking at each the turn of the lowest bit and rotating the word, and
 * calls leaf in the last. Returns leaf's value plus one for each left and two for each right. */
uint64_t load_tree_call(load_leaf *leaf, struct load_worker *worker, uint64_t turns,
                        unsigned levels);

/* How the paths of a tree differ: at as many frames as number them, evenly from end to end, or at
 * (nearly) every frame, which leaves a stack walk the least to keep from the last one. */
enum load_branch { LOAD_BRANCH_EVEN, LOAD_BRANCH_EVERY };

/* PURE. The turns of path `path` of `paths`; distinct for each path when load_tree_fits. */
uint64_t load_tree_turns(enum load_branch branch, uint64_t path, uint64_t paths, unsigned levels);

/* PURE. True when so many paths can differ within so many levels. */
int load_tree_fits(uint64_t paths, unsigned levels);

#endif
