/*
 * budget_rows - the calls of a recording, or of a part of it, one row for each (site, function):
 * what a budget adds up. A window is what lies between two marks, or a phase. What a program did
 * while it was paused is in none of them.
 * Memory: all is the struct's own.
 */
#ifndef ALLOCTRAP_BUDGET_BUDGET_ROWS_H
#define ALLOCTRAP_BUDGET_BUDGET_ROWS_H

#include "budget/policy.h"
#include "heap/profile.h"

struct budget_row {
    uint32_t site;
    uint8_t call;
    struct profile_calls counts;
    struct hist latency;
};

struct budget_rows {
    MEM_ARRAY(struct budget_row) at; /* by site */
    uint64_t *first;                 /* for each site: at.at[first[s]] up to first[s + 1] */
    char *trouble;                   /* why the window cannot be told; NULL = it can */
};

void budget_rows_make(struct budget_rows *rows, const struct profile *profile,
                      const struct policy_window *window);
/* Units of work that were told within a window of marks; *ret_trouble: why that cannot be said, or
 * NULL. free() it. */
uint64_t budget_rows_units(const struct profile *profile, const struct policy_window *window,
                           char **ret_trouble);

/* What the recorder calls the mark that it sets at a time, by `record --mark-at`; free() it. */
char *budget_rows_skip_name(uint64_t ns);

void budget_rows_finish(struct budget_rows *rows);

#endif
