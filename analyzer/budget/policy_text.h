/*
 * policy_text - a policy file as text: read within bounds, and where in it each thing stands.
 * Hostile until checked: at most POLICY_TEXT_BYTES, POLICY_DEPTH deep, POLICY_NODES parts, and no
 * anchors (a few lines of them can mean billions).
 * Owner: the caller finishes what it opened. Threads: one at a time. Lines and columns from 1.
 */
#ifndef ALLOCTRAP_BUDGET_POLICY_TEXT_H
#define ALLOCTRAP_BUDGET_POLICY_TEXT_H

#include <stddef.h>
#include <yaml.h>

#include "base/err.h"

enum { POLICY_TEXT_BYTES = 1 << 20, POLICY_DEPTH = 12, POLICY_NODES = 400000 };

struct policy_text {
    const char *path; /* borrowed, for messages */
    char *bytes;      /* what libcyaml reads; NUL-terminated */
    size_t length;
    yaml_document_t document;
    int has_document;
};

struct policy_place {
    size_t line;
    size_t column;
};

/* Opens a file, or bytes in memory. */
ERR_CHECKED enum err_code policy_text_read(const char *path, struct policy_text *ret,
                                           struct err *reterr);
ERR_CHECKED enum err_code policy_text_take(const char *path, const char *bytes, size_t length,
                                           struct policy_text *ret, struct err *reterr);
void policy_text_finish(struct policy_text *text);

/* Where the value of "budgets/2/limits/peak" stands (indexes from 0), or the last part of that way
 * that there is. */
struct policy_place policy_text_place(const struct policy_text *text, const char *way);

/* Where a key stands in the mapping at the end of the way. */
struct policy_place policy_text_key(const struct policy_text *text, const char *way,
                                    const char *key);

/* Entries of the list at the end of the way; 0 where there is none. */
size_t policy_text_count(const struct policy_text *text, const char *way);

/*
 * Puts before and after around the plain value at the end of each way, where there is one: a short
 * form is made the long one that libcyaml's one shape has. Places stay those of the file.
 */
void policy_text_wrap(struct policy_text *text, char *const *ways, size_t count, const char *before,
                      const char *after);

/* "PATH:LINE:COLUMN: MESSAGE", ERR_USAGE: a policy file is part of what the user asked for. */
__attribute__((format(printf, 4, 5))) enum err_code policy_text_fail(const struct policy_text *text,
                                                                     struct policy_place place,
                                                                     struct err *reterr,
                                                                     const char *format, ...);

#endif
