#include "heap/heap_hist.h"

#include <stdlib.h>

#include "base/mem.h"

void heap_hist_add_slowly(struct heap_hist *hist, uint16_t code, struct heap_hist_budget *budget)
{
    if (hist->groups == NULL) {
        hist_add(&hist->sparse, code, 1);
        if (hist->sparse.count >= HEAP_HIST_DENSE_AT &&
            budget->bytes_used < HEAP_HIST_DENSE_BYTES) {
            hist->groups = mem_zero(HEAP_HIST_GROUPS, sizeof(struct heap_hist_group *));
            budget->bytes_used += HEAP_HIST_GROUPS * sizeof(struct heap_hist_group *);
        }
        return;
    }
    struct heap_hist_group **group = &hist->groups[code / LOGLIN_STEPS];
    *group = mem_zero(1, sizeof **group);
    budget->bytes_used += sizeof **group;
    (*group)->counts[code % LOGLIN_STEPS] = 1;
}

void heap_hist_merge(const struct heap_hist *hist, struct hist *into)
{
    hist_merge(into, &hist->sparse);
    for (unsigned g = 0; hist->groups != NULL && g < HEAP_HIST_GROUPS; g++) {
        for (unsigned i = 0; hist->groups[g] != NULL && i < LOGLIN_STEPS; i++) {
            hist_add(into, (uint16_t)(g * LOGLIN_STEPS + i), hist->groups[g]->counts[i]);
        }
    }
}

void heap_hist_read(const struct heap_hist *hist, struct hist *ret)
{
    ret->bin_count = 0;
    ret->count = 0;
    heap_hist_merge(hist, ret);
}

void heap_hist_finish(struct heap_hist *hist)
{
    for (unsigned g = 0; hist->groups != NULL && g < HEAP_HIST_GROUPS; g++) {
        free(hist->groups[g]);
    }
    free(hist->groups);
    hist_finish(&hist->sparse);
    hist->groups = NULL;
}
