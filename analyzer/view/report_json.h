/*
 * report_json - the parts of a report's JSON that the HTML page carries as they are; members of the
 * object that is open.
 */
#ifndef ALLOCTRAP_VIEW_REPORT_JSON_H
#define ALLOCTRAP_VIEW_REPORT_JSON_H

#include "view/json.h"
#include "view/report.h"

void report_json_filter(struct json *json, const struct report *report); /* none: nothing */
void report_json_calls(struct json *json, const struct report *report);
void report_json_processes(struct json *json, const struct profile *profile);
void report_json_slow_calls(struct json *json, const struct report *report);

#endif
