#include "insight/rank.h"

#include <stdlib.h>
#include <string.h>

#include "insight/latency.h"

static const char *const key_names[] = {[RANK_ALLOCATIONS] = "allocations",
                                        [RANK_BYTES] = "bytes",
                                        [RANK_PEAK] = "peak",
                                        [RANK_LIVE] = "live",
                                        [RANK_TEMPORARIES] = "temporaries",
                                        [RANK_TIME] = "time",
                                        [RANK_P99] = "p99"};

bool rank_key_parse(const char *name, enum rank_key *ret)
{
    for (size_t i = 0; i < sizeof key_names / sizeof key_names[0]; i++) {
        if (strcmp(name, key_names[i]) == 0) {
            *ret = (enum rank_key)i;
            return true;
        }
    }
    return false;
}

const char *rank_key_name(enum rank_key key)
{
    return key_names[key];
}

uint64_t rank_value(const struct profile *profile, const struct selection *selection, uint32_t site,
                    enum rank_key key)
{
    const struct profile_site *s = &profile->sites.at[site];
    const struct profile_calls *sum = &selection->site_totals[site];
    uint64_t cost_ps = profile->run.clock_cost_ps;
    switch (key) {
    case RANK_ALLOCATIONS:
        return sum->allocs;
    case RANK_BYTES:
        return sum->bytes;
    case RANK_PEAK:
        return s->peak_bytes;
    case RANK_LIVE:
        return s->live_bytes;
    case RANK_TEMPORARIES:
        return s->temporaries;
    case RANK_TIME:
        return latency_net(sum->ns, sum->calls, cost_ps);
    case RANK_P99:
        return latency_net(hist_quantile(&s->latency, 9900), 1, cost_ps);
    }
    return 0;
}

struct ranked {
    uint64_t value;
    uint64_t allocs;
    uint64_t bytes;
    uint32_t site;
};

static int larger_first(uint64_t a, uint64_t b)
{
    return a < b ? 1 : a > b ? -1 : 0;
}

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    int order = larger_first(x->value, y->value);
    order = order != 0 ? order : larger_first(x->allocs, y->allocs);
    order = order != 0 ? order : larger_first(x->bytes, y->bytes);
    return order != 0 ? order : x->site < y->site ? -1 : 1;
}

size_t rank_sites(const struct profile *profile, const struct selection *selection,
                  enum rank_key key, bool all, uint32_t **ret_sites)
{
    MEM_ARRAY(struct ranked) ranked = {0};
    for (uint32_t i = 0; i < profile->sites.count; i++) {
        const struct profile_calls *sum = &selection->site_totals[i];
        uint64_t value = rank_value(profile, selection, i, key);
        if (selection->is_kept[i] && sum->calls != 0 && (all || value != 0)) {
            *MEM_PUSH(&ranked) = (struct ranked){value, sum->allocs, sum->bytes, i};
        }
    }
    if (ranked.count > 1) {
        qsort(ranked.at, ranked.count, sizeof *ranked.at, compare_ranked);
    }
    uint32_t *sites = mem_zero(ranked.count + 1, sizeof *sites);
    for (size_t i = 0; i < ranked.count; i++) {
        sites[i] = ranked.at[i].site;
    }
    free(ranked.at);
    *ret_sites = sites;
    return ranked.count;
}
