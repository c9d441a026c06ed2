/*
 * labels - "key=value,key=value": what a person says of a run, in one canonical text: sorted by
 * key, each key once, only whole pairs. Keys are [A-Za-z_][A-Za-z0-9_.-]*; a value is any text
 * without ',' and control characters. What does not fit is left out and counted.
 * Memory: results are new strings; free() them.   Threads: any.   Errors: none.
 */
#ifndef ALLOCTRAP_BASE_LABELS_H
#define ALLOCTRAP_BASE_LABELS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LABELS_MAX = 64,
    LABELS_TEXT_MAX = 256 /* bytes of a key, of a value; longer are refused */
};

/* The canonical form. Of a key given twice the last value holds. ret_refused may be NULL. */
char *labels_canonical(const char *text, size_t *ret_refused);

/* What two canonical texts have in common. */
char *labels_common(const char *a, const char *b);

/* The value of a key in a canonical text, or NULL. */
char *labels_value(const char *labels, const char *key);

/* Takes the first pair off *labels (canonical); false at the end. free() both. */
bool labels_next(const char **labels, char **ret_key, char **ret_value);

#endif
