/*
 * log_parse - splits a line of any log into fields, and names them where the line is Apache's.
 * A field is a word, a "quoted string" (\" does not end it) or a [bracketed stamp]; blanks part
 * them, and a field may follow right behind a closing quote or bracket. A line that begins as an
 * access log does (host ident user [day/month/year:...]) must also go on as one.
 * Owner:   fields point into the line; they live as long as it does.
 * Threads: any, each with its own struct.   Memory: none beyond the struct.
 */
#ifndef LOG_PARSE_H
#define LOG_PARSE_H

#include <stdbool.h>
#include <stddef.h>

enum { LOG_FIELDS_MAX = 4096 }; /* a line with more is malformed: memory stays bounded */

enum log_defect {
    LOG_FINE,
    LOG_EMPTY,           /* nothing, or blanks alone */
    LOG_BINARY,          /* a NUL byte */
    LOG_OPEN_QUOTE,      /* the line ends inside "..." */
    LOG_OPEN_BRACKET,    /* the line ends inside [...] */
    LOG_BAD_ACCESS,      /* begins as an access log's line and does not go on as one */
    LOG_TOO_MANY_FIELDS, /* more than LOG_FIELDS_MAX */
    LOG_TOO_LONG,        /* longer than the reader's buffer; the caller finds this one */
    LOG_DEFECTS
};

enum log_kind { LOG_WORD, LOG_QUOTED, LOG_BRACKETED };

struct log_field {
    const char *at; /* without its quotes or brackets, escapes as in the log */
    size_t bytes;
    enum log_kind kind;
};

struct log_line {
    bool is_access; /* Apache common (7 fields) or combined (9 and more) */
    size_t count;
    struct log_field fields[LOG_FIELDS_MAX];
};

/* The name that the JSON and the statistics give it: "open_quote". Never NULL. */
const char *log_defect_name(enum log_defect defect);

/* Splits bytes of text (no newline; one CR at the end is not part of the last field). */
enum log_defect log_parse(const char *text, size_t bytes, struct log_line *ret_line);

/* "GET /x HTTP/1.1" into its three words; false when it is anything else. */
bool log_parse_request(const struct log_field *request, struct log_field ret_words[3]);

/*
 * The next piece of a quoted field as Apache meant it: a run of plain bytes, or one escape
 * (\" \\ \n \t ... \xHH) in scratch. Returns the bytes consumed of what remains; 0 at the end.
 */
size_t log_unescape(const char *text, size_t bytes, char *scratch, const char **ret_piece,
                    size_t *ret_piece_bytes);

#endif
