/*
 * budget_findings - findings as a budget: "no finding of kind growth above low confidence".
 * budget_check calls it for budgets that have such a list.
 */
#ifndef ALLOCTRAP_BUDGET_BUDGET_FINDINGS_H
#define ALLOCTRAP_BUDGET_BUDGET_FINDINGS_H

#include "budget/budget_check.h"

/* Adds a line to check for each of the budget's lists. why: they cannot be told; NULL = they can.
 */
void judge_findings(struct check *check, struct check_budget *budget, const char *why);

#endif
