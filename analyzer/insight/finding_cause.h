/*
 * finding_cause - why a group's slow calls are slow, from what was measured within them, and what
 * to do about each cause.
 * Not for: calls that were not measured; those have no cause here.
 * Pure: sums in, numbers and static texts out.
 */
#ifndef ALLOCTRAP_INSIGHT_FINDING_CAUSE_H
#define ALLOCTRAP_INSIGHT_FINDING_CAUSE_H

#include "insight/finding.h"

/* Names the cause in *f, with confidence, reason and evidence; false, and *f as it was: too few
 * calls were measured, or no cause has most of their time. */
bool finding_cause_name(const struct finding_group *group, struct finding *f);

/* Of PROFILE_CAUSE_NONE: NULL. */
const char *finding_cause_advice(enum profile_cause cause);
const char *finding_cause_example(enum profile_cause cause);

#endif
