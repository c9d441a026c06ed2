#include "heap/slow_cause.h"

#include <stdbool.h>

static const struct {
    const char *name;
    const char *words;
} texts[PROFILE_CAUSES] = {
#define CAUSE_ROW(id, name, words) {name, words},
    PROFILE_CAUSE_TABLE(CAUSE_ROW)
#undef CAUSE_ROW
};

/* At least half of the time is what so many faults can take. */
static bool do_faults_explain(const struct session_usage *usage, uint64_t ns)
{
    return (uint64_t)usage->minor_faults * SLOW_CAUSE_FAULT_NS >= ns / 2;
}

/* A block from the system is touched by its header, and that faults; one that grows by mremap, or
 * goes back, need not. */
static bool is_mapping(const struct session_usage *usage, uint64_t size, enum hook_effect effect)
{
    return size >= SLOW_CAUSE_MMAP_BYTES &&
           (usage->minor_faults != 0 || effect != HOOK_EFFECT_ALLOC);
}

enum profile_cause slow_cause_of(const struct session_usage *usage, uint64_t size,
                                 enum hook_effect effect, uint64_t ns)
{
    if (!do_faults_explain(usage, ns)) {
        if (usage->voluntary != 0 && usage->major_faults == 0) {
            return PROFILE_CAUSE_LOCK;
        }
        if (usage->voluntary == 0 && usage->involuntary != 0) {
            return PROFILE_CAUSE_PREEMPTION;
        }
    }
    if (is_mapping(usage, size, effect)) {
        return PROFILE_CAUSE_MMAP;
    }
    return usage->minor_faults != 0 || usage->major_faults != 0 ? PROFILE_CAUSE_FIRST_TOUCH
                                                                : PROFILE_CAUSE_CONSOLIDATION;
}

const char *slow_cause_name(enum profile_cause cause)
{
    return texts[cause].name;
}

const char *slow_cause_words(enum profile_cause cause)
{
    return texts[cause].words;
}
