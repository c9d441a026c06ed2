/*
 * Blocks that replace each other growing: growth, presize, many-steps. What a chain is:
 * heap/heap_growth.h. A chain's steps are told at the site of its last block.
 */
#include "insight/finding.h"

enum {
    GROWTH_STEPS_MIN = 32, /* all chains together: below it nothing is worth a change */
    /* Who grows by a factor has next to no step that adds less than 1/16; who adds pieces has few
     * at first, while a piece is a good part of what is there, and then nothing else. */
    GROWTH_ADDITIVE_PERMILLE = 250,
    GROWTH_SURE_PERMILLE = 500,
    /* n equal steps copy n/2 times the final size, doubling at most once. */
    GROWTH_QUADRATIC_COPIES = 4,
    PRESIZE_CHAINS_MIN = 32,     /* fewer say nothing about "nearly always" */
    PRESIZE_SAME_PERMILLE = 800, /* of the last sizes in one bin and its neighbours: 5 % wide */
    PRESIZE_SURE_PERMILLE = 950,
    /* Two blocks of which the larger one stays look like one step by copy; realloc leaves no doubt.
     */
    PRESIZE_STEPS_BY_COPY_MIN = 3,
    /* A block that holds room for more grows by 1.5 or 2 a step; one that holds what was asked for
     * grows by what is added. Below this mean factor it is the latter. */
    CAPACITY_FACTOR_PERCENT = 140,
    MANY_STEPS_MIN = 2, /* random sizes that replace each other make chains of 1.7 steps */
    MANY_STEPS_BY_COPY_PERMILLE = 900,
    IN_PLACE_MOSTLY_PERMILLE = 900
};

static uint64_t copied_of(uint64_t kept_bytes, uint64_t in_place_bytes)
{
    return kept_bytes > in_place_bytes ? kept_bytes - in_place_bytes : 0;
}

/* Times that a block of first bytes must double to hold last. */
static uint64_t doublings(uint64_t first, uint64_t last)
{
    uint64_t count = 0;
    for (first = first > 0 ? first : 1; first < last && count < 64; first = first * 2) {
        count += 1;
    }
    return count;
}

static void set_growth_reason(struct finding *f, const struct profile_growth *g,
                              uint64_t additive_permille)
{
    bool is_in_place = finding_permille(g->in_place_steps, g->steps) >= IN_PLACE_MOSTLY_PERMILLE;
    bool is_sure = additive_permille >= GROWTH_SURE_PERMILLE && !is_in_place;
    f->confidence = is_sure ? FINDING_HIGH : FINDING_MEDIUM;
    f->reason = is_in_place ? "the steps are seen, but realloc mostly found room behind the block: "
                              "the calls can go, next to nothing was copied"
                : is_sure   ? "each step is seen: a larger block, and the old one freed right after"
                          : "the steps are seen, but most of them add a good part of the block, as "
                            "they should";
}

static void add_longs(struct finding *f, const struct profile_growth *g)
{
    const struct profile_long *l = &g->longs;
    uint64_t times = l->last_bytes != 0 ? l->copied_bytes / l->last_bytes : 0;
    finding_add(f, "chains", "blocks grew in more than 8 steps", FINDING_COUNT, l->chains);
    finding_add(f, "steps", "steps in all", FINDING_COUNT, l->steps);
    if (g->steps > l->steps) {
        finding_add(f, "short_steps", "steps more, of blocks that grew in 8 or fewer",
                    FINDING_COUNT, g->steps - l->steps);
    }
    finding_add(f, "longest_chain_steps", "steps of the longest", FINDING_COUNT, g->steps_max);
    finding_add(f, "additive_permille", "of the steps add less than 1/16 of the block",
                FINDING_PERMILLE, finding_permille(l->steps - l->geometric_steps, l->steps));
    finding_add(f, "first_bytes", "first size on average", FINDING_BYTES,
                l->first_bytes / l->chains);
    finding_add(f, "last_bytes", "final size on average", FINDING_BYTES, l->last_bytes / l->chains);
    finding_add(f, "copied_bytes", "copied from old to new", FINDING_BYTES,
                copied_of(l->copied_bytes, l->in_place_bytes));
    finding_add(f, "copies_of_final_size",
                times >= GROWTH_QUADRATIC_COPIES
                    ? "times the final size had to be kept on the way: this grows quadratically"
                    : "times the final size had to be kept on the way: not quadratic",
                FINDING_COUNT, times);
    finding_add(f, "in_place_steps", "steps where realloc did not have to move the block",
                FINDING_COUNT, g->in_place_steps);
}

/*
 * Of a long chain the doublings stay. A short one at the same place is made by the same code, and
 * fits into the first room: all its steps go, as with many-steps.
 */
static void add_growth_savings(struct finding *f, const struct finding_group *group)
{
    const struct profile_growth *g = &group->growth;
    const struct profile_long *l = &g->longs;
    uint64_t needed = l->chains * doublings(l->first_bytes / l->chains, l->last_bytes / l->chains);
    uint64_t copied = copied_of(l->copied_bytes, l->in_place_bytes);
    uint64_t all_copied = copied_of(g->copied_bytes, g->in_place_bytes);
    f->saves.calls = l->steps > needed ? l->steps - needed : 0;
    f->saves.calls += g->steps > l->steps ? g->steps - l->steps : 0;
    f->saves.copied_bytes = copied > l->last_bytes ? copied - l->last_bytes : 0;
    f->saves.copied_bytes += all_copied > copied ? all_copied - copied : 0;
    f->saves.ns = finding_ns_of(group, f->saves.calls);
}

bool finding_growth(const struct finding_facts *facts, const struct finding_group *group,
                    struct finding *f)
{
    (void)facts;
    const struct profile_long *l = &group->growth.longs;
    uint64_t additive_permille = finding_permille(l->steps - l->geometric_steps, l->steps);
    if (l->chains == 0 || l->geometric_steps > l->steps || l->steps < GROWTH_STEPS_MIN ||
        additive_permille < GROWTH_ADDITIVE_PERMILLE) {
        return false;
    }
    add_growth_savings(f, group);
    add_longs(f, &group->growth);
    set_growth_reason(f, &group->growth, additive_permille);
    return true;
}

static void add_chains(struct finding *f, const struct profile_growth *g)
{
    finding_add(f, "chains", "blocks grew", FINDING_COUNT, g->chains);
    finding_add(f, "steps", "steps in all", FINDING_COUNT, g->steps);
    finding_add(f, "longest_chain_steps", "steps of the longest", FINDING_COUNT, g->steps_max);
    finding_add(f, "copied_bytes", "copied from old to new", FINDING_BYTES,
                copied_of(g->copied_bytes, g->in_place_bytes));
    finding_add(f, "first_bytes", "first size on average", FINDING_BYTES,
                g->first_bytes / g->chains);
    finding_add(f, "last_bytes", "final size on average", FINDING_BYTES, g->last_bytes / g->chains);
}

/* How many of the last sizes stand in the most frequent bin and the two beside it. */
static uint64_t most_frequent(const struct hist *hist, uint64_t *ret_count)
{
    uint64_t best = 0;
    uint64_t code = 0;
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        uint64_t sum = hist->bins[i].count;
        if (i > 0 && hist->bins[i - 1].code + 1 == hist->bins[i].code) {
            sum += hist->bins[i - 1].count;
        }
        if (i + 1 < hist->bin_count && hist->bins[i].code + 1 == hist->bins[i + 1].code) {
            sum += hist->bins[i + 1].count;
        }
        if (sum > best) {
            best = sum;
            code = hist->bins[i].code;
        }
    }
    *ret_count = best;
    return loglin_value((uint16_t)code);
}

/* Whether blocks grow by a factor, as those do that hold room for more. */
static bool has_capacity(const struct profile_growth *g)
{
    uint64_t steps = (g->steps + g->chains / 2) / g->chains;
    double reached = (double)(g->first_bytes > 0 ? g->first_bytes : g->chains);
    for (uint64_t i = 0; i < steps && i < 64; i++) {
        reached *= CAPACITY_FACTOR_PERCENT / 100.0;
    }
    return reached <= (double)g->last_bytes;
}

bool finding_presize(const struct finding_facts *facts, const struct finding_group *group,
                     struct finding *f)
{
    (void)facts;
    const struct profile_growth *g = &group->growth;
    uint64_t same = 0;
    uint64_t size = most_frequent(&g->last_size, &same);
    uint64_t permille = finding_permille(same, g->chains);
    bool is_doubtful =
        g->by_copy_steps > g->steps / 2 && g->steps < g->chains * PRESIZE_STEPS_BY_COPY_MIN;
    if (g->chains < PRESIZE_CHAINS_MIN || permille < PRESIZE_SAME_PERMILLE || is_doubtful ||
        !has_capacity(g)) {
        return false;
    }
    f->saves.calls = g->steps;
    f->saves.copied_bytes = copied_of(g->copied_bytes, g->in_place_bytes);
    f->saves.ns = finding_ns_of(group, g->steps);
    add_chains(f, g);
    finding_add(f, "same_size_bytes", "the size that they end at", FINDING_BYTES, size);
    finding_add(f, "same_size_permille", "end at that size", FINDING_PERMILLE, permille);
    f->confidence = permille >= PRESIZE_SURE_PERMILLE ? FINDING_HIGH : FINDING_MEDIUM;
    f->reason = f->confidence == FINDING_HIGH
                    ? "nearly every block ends at the same size, so it is known before the first"
                    : "most blocks end at one size, but not all";
    return true;
}

bool finding_many_steps(const struct finding_facts *facts, const struct finding_group *group,
                        struct finding *f)
{
    (void)facts;
    const struct profile_growth *g = &group->growth;
    if (g->chains == 0 || g->steps < GROWTH_STEPS_MIN || g->steps < g->chains * MANY_STEPS_MIN ||
        g->steps > g->chains * PROFILE_LONG_STEPS || has_capacity(g) ||
        finding_permille(g->by_copy_steps, g->steps) < MANY_STEPS_BY_COPY_PERMILLE) {
        return false;
    }
    f->saves.calls = g->steps;
    f->saves.copied_bytes = copied_of(g->copied_bytes, g->in_place_bytes);
    f->saves.ns = finding_ns_of(group, g->steps);
    add_chains(f, g);
    bool is_all = g->steps >= group->allocs - group->allocs / 10;
    f->confidence = is_all ? FINDING_HIGH : FINDING_MEDIUM;
    f->reason = is_all ? "each result is seen to be made from the block before it, which is freed "
                         "right after"
                       : "the steps are seen, but only part of the blocks made here are steps";
    return true;
}
