/*
 * leak - each request makes a record, and one path out of the function forgets it.
 * Naive: requests that are refused return early, and their record is lost: every fourth.
 * Fixed: there is one way out.
 */
#include "trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_BYTES = 128 };

static bool is_refused(uint64_t request)
{
    return request % 4 == 3;
}

static char *make_record(uint64_t request)
{
    char *record = malloc(RECORD_BYTES);
    if (record != NULL) {
        snprintf(record, RECORD_BYTES, "request %u", (unsigned)request);
    }
    return record;
}

static bool serve_and_forget(uint64_t request, uint64_t *result)
{
    char *record = make_record(request);
    if (record == NULL) {
        return false;
    }
    if (is_refused(request)) {
        *result += 1;
        return true; /* this is the trap: the record is nobody's from here on */
    }
    *result = trap_mix(*result, record, strlen(record));
    free(record);
    return true;
}

static bool serve(uint64_t request, uint64_t *result)
{
    char *record = make_record(request);
    if (record == NULL) {
        return false;
    }
    if (is_refused(request)) {
        *result += 1;
    } else {
        *result = trap_mix(*result, record, strlen(record));
    }
    free(record);
    return true;
}

bool trap_leak_naive(uint64_t n, uint64_t *ret_result)
{
    uint64_t result = TRAP_RESULT_START;
    for (uint64_t i = 0; i < n; i++) {
        if (!serve_and_forget(i, &result)) {
            return false;
        }
    }
    *ret_result = result;
    return true;
}

bool trap_leak_fixed(uint64_t n, uint64_t *ret_result)
{
    uint64_t result = TRAP_RESULT_START;
    for (uint64_t i = 0; i < n; i++) {
        if (!serve(i, &result)) {
            return false;
        }
    }
    *ret_result = result;
    return true;
}
