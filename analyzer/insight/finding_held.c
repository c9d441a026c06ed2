/*
 * Blocks that are held: retained, leak.
 */
#include "insight/finding.h"

enum {
    RETAINED_BLOCK_BYTES_MIN = 65536, /* who looks for memory looks at large blocks first */
    RETAINED_BLOCKS_MIN = 4,          /* one or two are a program's working memory */
    RETAINED_BYTES_MIN = 1 << 20,     /* an arena's few chunks are no matter */
    RETAINED_PEAK_PERMILLE = 250,
    RETAINED_HELD_PERMILLE = 250,
    RETAINED_LIFE_PERMILLE = 50, /* of the run: shorter lives are work, not keeping */
    LEAK_BLOCKS_MIN = 16,
    LEAK_QUARTER_PERMILLE = 100, /* of what is live: each later quarter must have added as much */
    /* Blocks of the site that are freed after all: then those that are not were forgotten. */
    LEAK_SURE_FREED_PERMILLE = 500,
    LEAK_SOME_FREED_PERMILLE = 20,
    LEAK_OTHERS_PERMILLE = 100,      /* of the peak: more left by others is a habit */
    LEAK_UNFREED_PEAK_PERMILLE = 100 /* where none is freed, less is not worth a word */
};

bool finding_retained(const struct finding_facts *facts, const struct finding_group *group,
                      struct finding *f)
{
    uint64_t life_ns = hist_quantile(&group->life_ns, 5000);
    uint64_t held = finding_permille(group->held_byte_us, facts->held_byte_us);
    uint64_t at_peak = finding_permille(group->peak_bytes, facts->peak_bytes);
    bool lives_long = group->freed * 2 < group->allocs ||
                      finding_permille(life_ns, facts->duration_ns) >= RETAINED_LIFE_PERMILLE;
    if (hist_quantile(&group->size, 5000) < RETAINED_BLOCK_BYTES_MIN ||
        group->peak_blocks < RETAINED_BLOCKS_MIN || group->peak_bytes < RETAINED_BYTES_MIN ||
        at_peak < RETAINED_PEAK_PERMILLE || held < RETAINED_HELD_PERMILLE || !lives_long) {
        return false;
    }
    f->saves.memory_bytes = group->peak_bytes;
    finding_add(f, "blocks_at_peak", "alive at the peak", FINDING_COUNT, group->peak_blocks);
    finding_add(f, "size_p50_bytes", "median size", FINDING_BYTES,
                hist_quantile(&group->size, 5000));
    finding_add(f, "peak_permille", "of the program's peak", FINDING_PERMILLE, at_peak);
    finding_add(f, "held_permille", "of all bytes times how long they were held", FINDING_PERMILLE,
                held);
    finding_add(f, "life_p50_ns", "median life of those that ended", FINDING_NS, life_ns);
    finding_add(f, "growth_steps", "steps of growth meanwhile", FINDING_COUNT, group->growth.steps);
    f->confidence = FINDING_LOW;
    f->reason = "a hint: that large blocks live long is measured; that little of them is still "
                "needed, events cannot show";
    return true;
}

/* Whether what is left was born all along, not only at the start. */
static bool is_growing(const struct finding_group *group)
{
    for (unsigned i = 1; i < PROFILE_QUARTERS; i++) {
        if (finding_permille(group->live_in_quarter[i], group->live_blocks) <
            LEAK_QUARTER_PERMILLE) {
            return false;
        }
    }
    return true;
}

/* Nearly all else is freed: who leaves the last cleaning to the system frees nothing. */
static bool cleans_up(const struct finding_facts *facts, const struct finding_group *group)
{
    uint64_t others =
        facts->live_bytes > group->live_bytes ? facts->live_bytes - group->live_bytes : 0;
    return finding_permille(others, facts->peak_bytes) <= LEAK_OTHERS_PERMILLE;
}

static void set_leak_confidence(struct finding *f, uint64_t freed_permille, bool is_clean)
{
    if (!is_clean) {
        f->confidence = FINDING_LOW;
        f->reason = "it grows along the run; but the program leaves other blocks to the system at "
                    "its end too, so this may be a table that is kept on purpose";
    } else if (freed_permille >= LEAK_SURE_FREED_PERMILLE) {
        f->confidence = FINDING_HIGH;
        f->reason = "most blocks made here are freed, and so is nearly all else; those that are "
                    "not come all along the run: a way out that forgets them";
    } else {
        f->confidence = FINDING_MEDIUM;
        f->reason = "nearly all else is freed, and these pile up all along the run";
    }
}

bool finding_leak(const struct finding_facts *facts, const struct finding_group *group,
                  struct finding *f)
{
    uint64_t freed_permille = finding_permille(group->freed, group->allocs);
    uint64_t of_peak = finding_permille(group->live_bytes, facts->peak_bytes);
    if (group->live_blocks < LEAK_BLOCKS_MIN || !is_growing(group) ||
        (freed_permille < LEAK_SOME_FREED_PERMILLE && of_peak < LEAK_UNFREED_PEAK_PERMILLE)) {
        return false;
    }
    f->saves.memory_bytes = group->live_bytes;
    finding_add(f, "live_blocks", "never freed", FINDING_COUNT, group->live_blocks);
    finding_add(f, "live_bytes", "in them", FINDING_BYTES, group->live_bytes);
    finding_add(f, "allocations", "made here in all", FINDING_COUNT, group->allocs);
    finding_add(f, "freed_permille", "of these were freed", FINDING_PERMILLE, freed_permille);
    finding_add(f, "live_first_quarter", "left from the first quarter of the run", FINDING_COUNT,
                group->live_in_quarter[0]);
    finding_add(f, "live_last_quarter", "left from the last quarter", FINDING_COUNT,
                group->live_in_quarter[PROFILE_QUARTERS - 1]);
    set_leak_confidence(f, freed_permille, cleans_up(facts, group));
    return true;
}
