/*
 * json_line - one parsed line of a log as one line of JSON, made with either builder.
 * Every value is a string of its own before it becomes a part of the line, as ordinary code has it.
 * Text stays UTF-8. A byte that is not part of a UTF-8 character is written as \u00XX, so that no
 * byte is lost and the line is still JSON: "\u00e9" was the one byte 0xe9, "é" was c3 a9.
 * Threads: any.   Memory: the builders'.   Errors: false when memory ran out or the sink failed.
 */
#ifndef JSON_LINE_H
#define JSON_LINE_H

#include "builder.h"
#include "log_parse.h"

/* {"host":...} or {"f1":...}, without a newline, handed to sink. */
bool json_line_fields(const struct builder_kind *kind, const struct log_line *line,
                      builder_sink *sink, void *context);

/* {"malformed":true,"reason":"...","raw":"..."}: what could not be parsed is kept as it was. */
bool json_line_malformed(const struct builder_kind *kind, enum log_defect defect, const char *raw,
                         size_t bytes, builder_sink *sink, void *context);

/*
 * The same for a line that comes in parts: the first part opens the object, the last closes it,
 * and what the sink got for all parts is one line.
 */
bool json_line_malformed_part(const struct builder_kind *kind, enum log_defect defect,
                              const char *raw, size_t bytes, bool is_first, bool is_last,
                              builder_sink *sink, void *context);

#endif
