/*
 * export_text - what a format writes of a profile, as its bytes, as text or as JSON. For the tests
 * of formats; what cannot be written or read ends the test.
 */
#ifndef ALLOCTRAP_TESTS_EXPORT_TEXT_H
#define ALLOCTRAP_TESTS_EXPORT_TEXT_H

#include <jansson.h>

#include "export/export.h"

/* All that a format writes of a profile, "" where it refuses. Of asked all but its side, base and
 * stream is used as it is; of its base only the profile, of its side only the path (NULL: of no
 * file). free(*ret_bytes). */
enum err_code export_text_try(const struct export_format *format, const struct profile *profile,
                              const struct export_job *asked, char **ret_bytes, size_t *ret_length,
                              struct err *reterr);

/* The same of a format that must not refuse; asked NULL: bytes, all call sites. free() it. */
char *export_text(const char *format, const struct profile *profile,
                  const struct export_job *asked);

/* The same of a format that is one JSON document; json_decref() it. */
json_t *export_text_json(const char *format, const struct profile *profile,
                         const struct export_job *asked);

/* Members that must be there and be of this kind. */
uint64_t export_text_number(const json_t *object, const char *key);
const char *export_text_string(const json_t *object, const char *key);
json_t *export_text_array(const json_t *object, const char *key);

/* The sum of an array's numbers. */
uint64_t export_text_sum(const json_t *numbers);

#endif
