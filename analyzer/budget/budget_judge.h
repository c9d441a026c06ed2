/*
 * budget_judge - one budget's measure against its limits: a line for each, and the call sites that
 * a reader should look at. budget_check calls it.
 */
#ifndef ALLOCTRAP_BUDGET_BUDGET_JUDGE_H
#define ALLOCTRAP_BUDGET_BUDGET_JUDGE_H

#include "budget/budget_check.h"

/* Adds lines to check and sites to budget. measure has no trouble. */
void judge_budget(struct check *check, struct check_budget *budget,
                  const struct budget_measure *measure);

#endif
