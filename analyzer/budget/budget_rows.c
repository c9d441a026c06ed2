#include "budget/budget_rows.h"

#include <stdlib.h>

static void add_whole_run(struct budget_rows *rows, const struct profile *profile)
{
    for (size_t i = 0; i < profile->site_calls.count; i++) {
        const struct profile_site_call *from = &profile->site_calls.at[i];
        *MEM_PUSH(&rows->at) =
            (struct budget_row){from->site, from->call, from->counts, &from->latency};
    }
}

static int by_site(const void *a, const void *b)
{
    const struct budget_row *x = a;
    const struct budget_row *y = b;
    if (x->site != y->site) {
        return x->site < y->site ? -1 : 1;
    }
    return (x->call > y->call) - (x->call < y->call);
}

static void index_rows(struct budget_rows *rows, size_t site_count)
{
    rows->first = mem_zero(site_count + 2, sizeof *rows->first);
    if (rows->at.count > 1) {
        qsort(rows->at.at, rows->at.count, sizeof *rows->at.at, by_site);
    }
    for (size_t i = 0; i < rows->at.count; i++) {
        rows->first[rows->at.at[i].site + 1] += 1;
    }
    for (size_t s = 0; s < site_count; s++) {
        rows->first[s + 1] += rows->first[s];
    }
}

void budget_rows_make(struct budget_rows *rows, const struct profile *profile,
                      const struct policy_window *window)
{
    *rows = (struct budget_rows){.trouble = NULL};
    if (policy_window_is_set(window)) {
        rows->trouble = mem_text("the recording has no marks and no phases");
    } else {
        add_whole_run(rows, profile);
    }
    index_rows(rows, profile->sites.count);
}

void budget_rows_finish(struct budget_rows *rows)
{
    free(rows->at.at);
    free(rows->first);
    free(rows->trouble);
    *rows = (struct budget_rows){0};
}
