/*
 * policy_values - the values that a policy file writes as text: numbers, sizes, durations,
 * percents. Exact: 0.1 stays one tenth. Each function gives NULL, or a few words that say what it
 * wants instead (for a message that has the place).
 */
#ifndef ALLOCTRAP_BUDGET_POLICY_VALUES_H
#define ALLOCTRAP_BUDGET_POLICY_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "budget/budget_metric.h"

/* A value in a unit: "3", "0.5" of BUDGET_COUNT; "24 MiB", "512 B", "10 kB", "512" of BUDGET_BYTES;
 * "250ns", "1.5 us", "2 s", "0" of BUDGET_NS. */
const char *policy_value_parse(const char *text, enum budget_unit unit, struct budget_ratio *ret);

/* "5%", "+5%", "0.5 %": the number before the sign. */
const char *policy_percent_parse(const char *text, struct budget_ratio *ret);

/* A value with its unit told by how it is written: "200ns", "1 KiB", "5". */
const char *policy_any_parse(const char *text, struct budget_ratio *ret,
                             enum budget_unit *ret_unit);

/* How much more than a baseline: "+5%", or "+3", "+1 KiB", "0" in the unit. */
struct policy_change {
    bool is_set;
    bool is_percent;
    struct budget_ratio by;
};
const char *policy_change_parse(const char *text, enum budget_unit unit, struct policy_change *ret);

#endif
