#include "symbol/stretch.h"

#include <stdlib.h>

void stretches_add(struct stretches *stretches, uint64_t low, uint64_t high, size_t owner)
{
    *MEM_PUSH(&stretches->list) = (struct stretch){.low = low, .high = high, .owner = owner};
}

/* What stands behind is found first. */
static int by_low(const void *left, const void *right)
{
    const struct stretch *a = left;
    const struct stretch *b = right;
    if (a->low != b->low) {
        return (a->low > b->low) - (a->low < b->low);
    }
    if (a->high != b->high) {
        return (a->high < b->high) - (a->high > b->high);
    }
    return (a->owner < b->owner) - (a->owner > b->owner);
}

void stretches_sort(struct stretches *stretches)
{
    uint64_t reach = 0;
    if (stretches->list.count > 1) {
        qsort(stretches->list.at, stretches->list.count, sizeof *stretches->list.at, by_low);
    }
    for (size_t i = 0; i < stretches->list.count; i++) {
        struct stretch *one = &stretches->list.at[i];
        reach = one->high > reach ? one->high : reach;
        one->reach = reach;
    }
}

const struct stretch *stretches_find(const struct stretches *stretches, uint64_t address)
{
    size_t low = 0;
    size_t high = stretches->list.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stretches->list.at[middle].low <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low > 0 && stretches->list.at[low - 1].reach > address; low--) {
        if (address < stretches->list.at[low - 1].high) {
            return &stretches->list.at[low - 1];
        }
    }
    return NULL;
}

void stretches_finish(struct stretches *stretches)
{
    free(stretches->list.at);
    *stretches = (struct stretches){0};
}
