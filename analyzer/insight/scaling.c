#include "insight/scaling.h"

#include <stdlib.h>
#include <string.h>

#include "heap/id_map.h"
#include "insight/finding_group.h"

/* A share of a metric from which a function that only grows with n is named all the same. */
#define HURTS_SHARE 0.1
/* A share below which growing faster than n does not matter yet at the size to predict. */
#define MATTERS_SHARE 0.01

struct building {
    struct scaling *scaling;
    const struct site_wrappers *wrappers;
    struct mem_strings *names;
    struct id_map map; /* kept key -> row */
};

static const char *const metric_names[SCALING_METRICS] = {[SCALING_ALLOCATIONS] = "allocations",
                                                          [SCALING_BYTES] = "bytes",
                                                          [SCALING_COPIED] = "copied",
                                                          [SCALING_PEAK] = "peak",
                                                          [SCALING_TIME] = "time"};

uint64_t scaling_whole(double value)
{
    return value >= 18e18 ? UINT64_MAX : value > 0 ? (uint64_t)(value + 0.5) : 0;
}

const char *scaling_metric_name(enum scaling_metric metric)
{
    return metric_names[metric];
}

bool scaling_metric_parse(const char *name, enum scaling_metric *ret)
{
    for (unsigned i = 0; i < SCALING_METRICS; i++) {
        if (strcmp(name, metric_names[i]) == 0) {
            *ret = (enum scaling_metric)i;
            return true;
        }
    }
    return false;
}

const char *scaling_class_name(enum scaling_class class)
{
    static const char *const class_names[SCALING_CLASSES] = {
        [SCALING_NOTHING] = "none",    [SCALING_CONSTANT] = "constant",
        [SCALING_LOG] = "log n",       [SCALING_LINEAR] = "linear",
        [SCALING_N_LOG_N] = "n log n", [SCALING_QUADRATIC] = "quadratic",
        [SCALING_CUBIC] = "cubic",     [SCALING_UNCLEAR] = "unclear"};
    return class_names[class];
}

static uint64_t copied_of(const struct profile_growth *growth)
{
    return growth->copied_bytes > growth->in_place_bytes
               ? growth->copied_bytes - growth->in_place_bytes
               : 0;
}

static struct scaling_row *row_of(struct building *b, const struct finding_group *group)
{
    const char *key = mem_strings_keep(b->names, group->key);
    uint32_t id = id_map_find(&b->map, (uintptr_t)key, 0);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)b->scaling->rows.count;
        (void)MEM_PUSH(&b->scaling->rows);
        id_map_put(&b->map, (uintptr_t)key, 0, id);
    }
    return &b->scaling->rows.at[id];
}

static void add_profile(struct building *b, const struct profile *profile, size_t at)
{
    struct finding_groups groups;
    finding_groups_load(profile, b->wrappers, b->scaling->grouping, &groups);
    struct scaling_row *total = &b->scaling->total;
    total->values[SCALING_ALLOCATIONS][at] = (double)profile->totals.allocs;
    total->values[SCALING_BYTES][at] = (double)profile->totals.bytes;
    total->values[SCALING_PEAK][at] = (double)profile->totals.peak_bytes;
    total->values[SCALING_TIME][at] = (double)groups.facts.ns;
    for (size_t i = 0; i < groups.groups.count; i++) {
        const struct finding_group *group = &groups.groups.at[i];
        struct scaling_row *row = row_of(b, group);
        row->site = group->site; /* of the largest in the end: it comes last */
        row->place = group->place;
        row->values[SCALING_ALLOCATIONS][at] += (double)group->allocs;
        row->values[SCALING_BYTES][at] += (double)group->bytes;
        row->values[SCALING_COPIED][at] += (double)copied_of(&group->growth);
        row->values[SCALING_PEAK][at] += (double)group->peak_bytes;
        row->values[SCALING_TIME][at] += (double)(group->alloc_ns + group->free_ns);
        total->values[SCALING_COPIED][at] += (double)copied_of(&group->growth);
    }
    finding_groups_finish(&groups);
}

static void fit_row(const struct scaling *s, struct scaling_row *row)
{
    for (unsigned m = 0; m < SCALING_METRICS; m++) {
        row->fits[m] = scaling_fit(s->sizes, row->values[m], s->size_count, s->predict_size,
                                   (enum scaling_metric)m);
    }
}

static void weigh(const struct scaling *s, struct scaling_row *row)
{
    for (unsigned m = 0; m < SCALING_METRICS; m++) {
        const struct scaling_fit *fit = &row->fits[m];
        double whole = s->total.fits[m].predicted;
        whole = whole > fit->predicted ? whole : fit->predicted; /* fits are not additive */
        double share = whole > 0 ? fit->predicted / whole : 0;
        bool is_fast = fit->class >= SCALING_N_LOG_N && fit->class <= SCALING_CUBIC;
        bool grows = fit->class >= SCALING_LINEAR && fit->class <= SCALING_CUBIC;
        row->weight = grows && share > row->weight ? share : row->weight;
        row->hurts_in[m] = (is_fast && share >= MATTERS_SHARE) || (grows && share >= HURTS_SHARE);
        row->hurts = row->hurts || row->hurts_in[m];
    }
}

static int by_weight(const void *left, const void *right)
{
    const struct scaling_row *a = left;
    const struct scaling_row *b = right;
    if (a->weight != b->weight) {
        return a->weight < b->weight ? 1 : -1;
    }
    double x = a->fits[SCALING_ALLOCATIONS].predicted;
    double y = b->fits[SCALING_ALLOCATIONS].predicted;
    return x != y ? (x < y ? 1 : -1) : (a->site > b->site) - (a->site < b->site);
}

/* Functions that the largest recording no longer knows cannot be shown. */
static void drop_absent(struct scaling *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->rows.count; i++) {
        if (s->rows.at[i].values[SCALING_ALLOCATIONS][s->size_count - 1] > 0) {
            s->rows.at[kept++] = s->rows.at[i];
        }
    }
    s->rows.count = kept;
}

struct scaling *scaling_of(const struct scaling_input *inputs, size_t count, double predict_size,
                           enum finding_grouping grouping, const struct site_wrappers *wrappers)
{
    struct scaling *s = mem_zero(1, sizeof *s);
    struct building b = {.scaling = s, .wrappers = wrappers, .names = mem_strings_create()};
    s->grouping = grouping;
    s->size_count = count;
    s->largest = inputs[count - 1].profile;
    s->predict_size = predict_size > 0 ? predict_size : inputs[count - 1].size * 10;
    for (size_t i = 0; i < count; i++) {
        const struct profile *profile = inputs[i].profile;
        s->sizes[i] = inputs[i].size;
        s->is_whole[i] = profile->run.is_complete && !profile->run.counters_only &&
                         profile->run.exit_kind == PROFILE_EXITED && profile_lost(profile) == 0;
        add_profile(&b, inputs[i].profile, i);
    }
    drop_absent(s);
    fit_row(s, &s->total);
    for (size_t i = 0; i < s->rows.count; i++) {
        fit_row(s, &s->rows.at[i]);
        weigh(s, &s->rows.at[i]);
    }
    if (s->rows.count > 1) {
        qsort(s->rows.at, s->rows.count, sizeof *s->rows.at, by_weight);
    }
    id_map_finish(&b.map);
    mem_strings_destroy(b.names);
    return s;
}

void scaling_destroy(struct scaling *scaling)
{
    if (scaling != NULL) {
        free(scaling->rows.at);
        free(scaling);
    }
}
