#include "insight/advise.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct kind {
    finding_detector *detect;
    bool speaks_for_calls;
};

static const struct kind kinds[FINDING_KINDS] = {
#define FINDING_ROW(id, name, detector, speaks, line) {detector, speaks},
    FINDING_TABLE(FINDING_ROW)
#undef FINDING_ROW
};

static uint32_t higher(uint32_t a, uint64_t b)
{
    uint32_t capped = b > UINT32_MAX ? UINT32_MAX : (uint32_t)b;
    return capped > a ? capped : a;
}

static uint32_t effect_of(const struct finding_facts *facts, const struct finding_saves *saves)
{
    uint32_t effect = higher(0, finding_permille(saves->calls, facts->allocs));
    effect = higher(effect, finding_permille(saves->copied_bytes, facts->bytes));
    effect = higher(effect, finding_permille(saves->cleared_bytes, facts->bytes));
    effect = higher(effect, finding_permille(saves->memory_bytes, facts->peak_bytes));
    return higher(effect, finding_permille(saves->ns, facts->ns));
}

static bool is_worth_reading(const struct finding_saves *saves)
{
    return saves->calls >= ADVISE_CALLS_MIN || saves->copied_bytes >= ADVISE_BYTES_MIN ||
           saves->cleared_bytes >= ADVISE_BYTES_MIN || saves->memory_bytes >= ADVISE_BYTES_MIN ||
           saves->ns >= ADVISE_NS_MIN;
}

static bool matches(const struct profile *p, const struct finding *finding, const char *glob)
{
    struct site_stack stack = {0};
    site_stack_load(&stack, p, p->sites.at[finding->site].path);
    bool is_match = false;
    if (finding->place < stack.count) {
        char *function = site_function(&stack.at[finding->place]);
        is_match = strcmp(glob, function) == 0 || fnmatch(glob, function, 0) == 0;
        free(function);
    }
    site_stack_finish(&stack);
    return is_match;
}

static bool is_silenced(const struct profile *p, const struct advise_options *options,
                        const struct finding *finding)
{
    for (size_t i = 0; i < options->silence_count; i++) {
        const struct advise_silence *silence = &options->silences[i];
        if (silence->kind == finding->kind &&
            (silence->glob == NULL || matches(p, finding, silence->glob))) {
            return true;
        }
    }
    return false;
}

static void take(struct advice *advice, const struct advise_options *options,
                 const struct finding *finding)
{
    if (is_silenced(advice->facts.profile, options, finding)) {
        advice->silenced += 1;
        return;
    }
    if (finding->effect_permille >= advice->threshold_permille &&
        is_worth_reading(&finding->saves)) {
        *MEM_PUSH(&advice->findings) = *finding;
        return;
    }
    if (advice->below == 0 || finding->effect_permille > advice->largest_below.effect_permille) {
        advice->largest_below = *finding;
    }
    advice->below += 1;
}

/* Of the kinds that speak for the group's calls the first one that fits; of the others all. */
static void ask(struct advice *advice, const struct advise_options *options,
                const struct finding_group *group)
{
    bool is_taken = false;
    for (unsigned i = 0; i < FINDING_KINDS; i++) {
        struct finding finding = {0};
        if ((is_taken && kinds[i].speaks_for_calls) ||
            !kinds[i].detect(&advice->facts, group, &finding)) {
            continue;
        }
        is_taken = is_taken || kinds[i].speaks_for_calls;
        finding.kind = (enum finding_kind)i;
        finding.site = group->site;
        finding.place = group->place;
        finding.sites = group->sites;
        finding.free_site = group->free_site;
        finding.effect_permille = effect_of(&advice->facts, &finding.saves);
        take(advice, options, &finding);
    }
}

/* What is sure counts half as much again as what is only likely; hints stand behind both. */
static uint64_t weight(const struct finding *finding)
{
    static const uint64_t weights[FINDING_CONFIDENCES] = {
        [FINDING_LOW] = 1, [FINDING_MEDIUM] = 2, [FINDING_HIGH] = 3};
    return finding->effect_permille * weights[finding->confidence];
}

static int descending(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

static int by_saving(const void *left, const void *right)
{
    const struct finding *a = left;
    const struct finding *b = right;
    int order = descending(a->confidence != FINDING_LOW, b->confidence != FINDING_LOW);
    order = order != 0 ? order : descending(weight(a), weight(b));
    order = order != 0 ? order : descending(a->saves.ns, b->saves.ns);
    order = order != 0 ? order : descending(a->saves.calls, b->saves.calls);
    order = order != 0 ? order : descending(b->kind, a->kind);
    return order != 0 ? order : descending(b->site, a->site);
}

struct advice *advise_profile(const struct profile *profile, const struct advise_options *options)
{
    struct advice *advice = mem_zero(1, sizeof *advice);
    struct finding_groups groups;
    finding_groups_load(profile, options->wrappers, FINDING_BY_PLACE, &groups);
    advice->facts = groups.facts;
    advice->threshold_permille = options->threshold_permille;
    if (profile->run.counters_only) {
        advice->cannot_tell = "the recording was recovered from counters alone; findings need "
                              "events: when blocks were freed, what replaced them";
    }
    for (size_t i = 0; advice->cannot_tell == NULL && i < groups.groups.count; i++) {
        ask(advice, options, &groups.groups.at[i]);
    }
    finding_groups_finish(&groups);
    if (advice->findings.count > 1) {
        qsort(advice->findings.at, advice->findings.count, sizeof *advice->findings.at, by_saving);
    }
    return advice;
}

void advise_destroy(struct advice *advice)
{
    if (advice != NULL) {
        free(advice->findings.at);
        free(advice);
    }
}
