/*
 * json_profile - the members that reports and comparisons share, under the names that users'
 * programs rely on. Names stay; new members may be added.
 */
#ifndef ALLOCTRAP_VIEW_JSON_PROFILE_H
#define ALLOCTRAP_VIEW_JSON_PROFILE_H

#include "heap/profile.h"
#include "insight/latency.h"
#include "insight/site_name.h"
#include "view/json.h"

/* "command", "exit", "duration_ns", "loss" and what else is known of the run; members of the
 * object that is open. */
void json_run(struct json *json, const struct profile *profile);

/* ns: allocator time net of the clock. */
void json_totals(struct json *json, const char *name, const struct profile_totals *totals,
                 uint64_t ns);
void json_latency(struct json *json, const char *name, const struct latency *latency);
/* "function", "file", "line", "module" of a frame; members of the object that is open. */
void json_frame(struct json *json, const struct site_frame *frame);

/* "stack", innermost first, and "stack_is_cut". */
void json_stack(struct json *json, const struct site_stack *stack);

void json_exit(struct json *json, const char *name, enum profile_exit kind, int32_t code);

#endif
