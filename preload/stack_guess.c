#include "stack_guess.h"

#include <stdatomic.h>

/* What a handler that jumps away leaves is never half of anything. */
static inline void in_order(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

static stack_guess_ref ref_of(const struct stack_guess *guess)
{
    return (uintptr_t)guess + STACK_GUESS_LEAF;
}

static stack_guess_ref none(const struct stack_guesses *g)
{
    return ref_of(&g->none.guess);
}

static bool is_leaf(stack_guess_ref ref)
{
    return (ref & STACK_GUESS_LEAF) != 0;
}

static uint32_t position_of(const struct stack_guesses *g, const struct stack_guess_node *node)
{
    return g->positions[node - g->nodes];
}

void stack_guess_forget(struct stack_guesses *g, struct stack_range home)
{
    for (unsigned i = 0; i < 1 << STACK_GUESS_ROOT_BITS; i++) {
        for (unsigned way = 0; way < STACK_GUESS_ROOT_WAYS; way++) {
            g->roots[i][way].pc = 0;
        }
    }
    g->home = home;
    g->none.words[0] = (struct stack_word){&g->nowhere, 1};
    g->node_count = 0;
    g->free_node = none(g);
    g->small_use = (struct stack_guess_use){0};
    g->large_use = (struct stack_guess_use){0};
}

/* The node that a reference stands in, or NULL: a root. */
static struct stack_guess_node *node_with(struct stack_guesses *g, const stack_guess_ref *ref)
{
    uintptr_t off = (uintptr_t)ref - (uintptr_t)g->nodes;
    return off < sizeof g->nodes ? &g->nodes[off / sizeof g->nodes[0]] : NULL;
}

/* *to refers to that from now on. */
static void refer(struct stack_guesses *g, stack_guess_ref *to, stack_guess_ref that)
{
    if (!is_leaf(that)) {
        g->froms[(struct stack_guess_node *)that - g->nodes] = to;
    } else if (that != none(g)) {
        ((struct stack_guess *)(that - STACK_GUESS_LEAF))->from = to;
    }
    in_order();
    *to = that;
}

static struct stack_guess_node *new_node(struct stack_guesses *g, const uintptr_t *at,
                                         uint32_t position)
{
    struct stack_guess_node *node = NULL;
    if (g->free_node != none(g)) {
        node = (struct stack_guess_node *)g->free_node;
        g->free_node = node->more;
    } else if (g->node_count < STACK_GUESS_NODES) {
        node = &g->nodes[g->node_count++];
    } else {
        return NULL;
    }
    g->positions[node - g->nodes] = (uint8_t)position;
    *node = (struct stack_guess_node){.at = at, .more = none(g)};
    for (unsigned way = 0; way < STACK_GUESS_WAYS; way++) {
        node->ways[way].to = none(g);
    }
    return node;
}

static void free_node(struct stack_guesses *g, struct stack_guess_node *node)
{
    node->more = g->free_node;
    g->free_node = (stack_guess_ref)node;
}

/* A way of the node leads nowhere now: there is no node without a way, nor one word with one value.
 */
static void mend(struct stack_guesses *g, struct stack_guess_node *node)
{
    while (node != NULL) {
        stack_guess_ref *from = g->froms[node - g->nodes];
        struct stack_guess_node *parent = node_with(g, from);
        bool is_more = parent != NULL && from == &parent->more;
        stack_guess_ref last = none(g);
        unsigned ways = 0;
        for (unsigned way = 0; way < STACK_GUESS_WAYS; way++) {
            ways += node->ways[way].to != none(g);
            last = node->ways[way].to != none(g) ? node->ways[way].to : last;
        }
        if (ways == 0) {
            refer(g, from, node->more);
        } else if (ways == 1 && node->more == none(g) && !is_more) {
            refer(g, from, last);
        } else {
            return;
        }
        free_node(g, node);
        node = *from == none(g) || is_more ? parent : NULL;
    }
}

static void unrefer(struct stack_guesses *g, struct stack_guess *guess)
{
    stack_guess_ref *from = guess->from;
    guess->from = NULL;
    if (from != NULL) {
        *from = none(g);
        mend(g, node_with(g, from));
    }
}

/* A guess below a reference; none, where that refers to nothing. */
static stack_guess_ref any_below(const struct stack_guesses *g, stack_guess_ref to)
{
    while (!is_leaf(to)) {
        const struct stack_guess_node *node = (const struct stack_guess_node *)to;
        to = node->more;
        for (unsigned way = 0; way < STACK_GUESS_WAYS; way++) {
            if (node->ways[way].to != none(g)) {
                to = node->ways[way].to;
                break;
            }
        }
    }
    return to;
}

static void drop_all(struct stack_guesses *g, struct stack_guess_root *root)
{
    while (root->pc != 0 && root->to != none(g)) {
        unrefer(g, (struct stack_guess *)(any_below(g, root->to) - STACK_GUESS_LEAF));
    }
    root->to = none(g);
}

/* The root of an innermost frame, which may be a new one; NULL: others have its place. */
static struct stack_guess_root *root_for(struct stack_guesses *g, const struct stack_at *at)
{
    struct stack_guess_root *root = stack_guess_root_of(g, at);
    if (root != NULL) {
        return root;
    }
    struct stack_guess_root *roots = stack_guess_roots(g, at);
    root = roots;
    for (unsigned way = 1; way < STACK_GUESS_ROOT_WAYS && root->pc != 0; way++) {
        bool is_better = roots[way].pc == 0 || roots[way].holds < root->holds;
        root = is_better ? &roots[way] : root;
    }
    if (root->pc != 0 && root->holds != 0) {
        root->holds--;
        return NULL;
    }
    drop_all(g, root);
    root->pc = 0;
    in_order();
    root->sp = at->sp;
    root->holds = STACK_GUESS_HOLDS;
    in_order();
    root->pc = at->pc;
    return root;
}

static struct stack_guess *guess_at(struct stack_guesses *g, bool is_small, uint32_t i)
{
    return is_small ? &g->small[i].guess : &g->large[i].guess;
}

struct stack_guess *stack_guess_take(struct stack_guesses *g, const struct stack_at *at,
                                     uint32_t words)
{
    bool is_small = words <= STACK_GUESS_WORDS_FEW;
    uint32_t most = is_small ? STACK_GUESS_SMALL : STACK_GUESS_LARGE;
    struct stack_guess_use *use = is_small ? &g->small_use : &g->large_use;
    if (words > STACK_GUESS_WORDS || !stack_guess_is_home(g, at->sp) || root_for(g, at) == NULL) {
        return NULL;
    }
    struct stack_guess *guess = NULL;
    if (use->count < most) {
        guess = guess_at(g, is_small, use->count++);
    } else if (++use->wanted % STACK_GUESS_FULL_SHARE == 0) {
        use->next = (use->next + 1) % most;
        guess = guess_at(g, is_small, use->next);
        if (guess->was_right) {
            guess->was_right = false;
            return NULL;
        }
        unrefer(g, guess);
    }
    if (guess != NULL) {
        guess->from = NULL;
        guess->was_right = false;
        guess->at = *at;
    }
    return guess;
}

/* The guess that the words at hand lead to, or one from which they turn off; NULL: there is none.
 */
static struct stack_guess *nearest(const struct stack_guesses *g, stack_guess_ref to)
{
    stack_guess_ref passed = none(g);
    while (!is_leaf(to)) {
        const struct stack_guess_node *node = (const struct stack_guess_node *)to;
        stack_guess_ref next = stack_guess_step(node, *node->at);
        if (next == none(g)) {
            passed = any_below(g, to);
        }
        to = next;
    }
    to = to != none(g) ? to : passed;
    return to == none(g) ? NULL : (struct stack_guess *)(to - STACK_GUESS_LEAF);
}

/* The first word by which a list differs from another. */
static const struct stack_word *parting(struct stack_guess *list, struct stack_guess *other)
{
    const struct stack_word *word = stack_guess_words(list);
    const struct stack_word *others = stack_guess_words(other);
    while (word != list->end && others != other->end && word->at == others->at &&
           word->value == others->value) {
        word++;
        others++;
    }
    return word;
}

/* One more value of a node's word. */
static void add_way(struct stack_guesses *g, struct stack_guess_node *node, uintptr_t value,
                    struct stack_guess *guess)
{
    for (;;) {
        for (unsigned way = 0; way < STACK_GUESS_WAYS; way++) {
            if (node->ways[way].to == none(g)) {
                node->ways[way].value = value;
                refer(g, &node->ways[way].to, ref_of(guess));
                return;
            }
        }
        if (node->more == none(g)) {
            struct stack_guess_node *more = new_node(g, node->at, position_of(g, node));
            if (more == NULL) {
                return;
            }
            refer(g, &node->more, (stack_guess_ref)more);
        }
        node = (struct stack_guess_node *)node->more;
    }
}

/* The reference that leads a list to the node of that position, or else to what lies further out.
 */
static stack_guess_ref *place_of(const struct stack_guesses *g, stack_guess_ref *to,
                                 const struct stack_word *words, uint32_t position)
{
    while (!is_leaf(*to)) {
        struct stack_guess_node *node = (struct stack_guess_node *)*to;
        uint32_t of_node = position_of(g, node);
        if (of_node >= position) {
            break;
        }
        to = &node->more;
        for (unsigned way = 0; way < STACK_GUESS_WAYS; way++) {
            if (node->ways[way].value == words[of_node].value) {
                to = &node->ways[way].to;
                break;
            }
        }
    }
    return to;
}

/* Between *to and what it refers to: the word by which the list differs from all that is there. */
static void split(struct stack_guesses *g, stack_guess_ref *to, uint32_t position,
                  uintptr_t value_there, struct stack_guess *list)
{
    const struct stack_word *word = &stack_guess_words(list)[position];
    struct stack_guess_node *node = new_node(g, word->at, position);
    if (node == NULL) {
        return;
    }
    node->ways[0].value = value_there;
    refer(g, &node->ways[0].to, *to);
    node->ways[1].value = word->value;
    refer(g, &node->ways[1].to, ref_of(list));
    refer(g, to, (stack_guess_ref)node);
}

void stack_guess_put(struct stack_guesses *g, struct stack_guess *list, const uintptr_t *bp)
{
    struct stack_guess_root *root = root_for(g, &list->at);
    if (root == NULL) {
        return;
    }
    struct stack_guess *other = nearest(g, root->to);
    if (other == NULL) {
        refer(g, &root->to, ref_of(list));
        return;
    }
    const struct stack_word *word = parting(list, other);
    uint32_t position = (uint32_t)(word - stack_guess_words(list));
    const struct stack_word *others = &stack_guess_words(other)[position];
    uintptr_t addr = (uintptr_t)word->at;
    bool is_readable = word->at == bp || (stack_guess_is_home(g, addr) && addr >= list->at.sp);
    if (word == list->end || word->at != others->at || !is_readable) {
        return;
    }
    stack_guess_ref *to = place_of(g, &root->to, stack_guess_words(list), position);
    struct stack_guess_node *node = is_leaf(*to) ? NULL : (struct stack_guess_node *)*to;
    if (node != NULL && position_of(g, node) == position) {
        add_way(g, node, word->value, list);
    } else {
        split(g, to, position, others->value, list);
    }
}

void stack_guess_drop(struct stack_guesses *g, const struct stack_at *at)
{
    const struct stack_guess_root *root = stack_guess_root_of(g, at);
    struct stack_guess *guess = stack_guess_below(root == NULL ? none(g) : root->to);
    unrefer(g, guess);
}
