/*
 * escape - strings of a recording made safe for where they are printed. Names come from hostile
 * programs: terminal sequences, half a UTF-8 character, text that runs from right to left.
 * Results are new strings; free() them. Thread-safe.
 */
#ifndef ALLOCTRAP_BASE_ESCAPE_H
#define ALLOCTRAP_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For a terminal: C0, DEL, C1, bytes that are not UTF-8, and what hides or turns text (bidi
 * controls, zero-width and line separators) become \xNN, byte by byte. */
char *escape_terminal(const char *text);

/* Between the quotes of a JSON string; bytes that are not UTF-8 become U+FFFD. */
char *escape_json(const char *text);

/* Whether escape_json() would return the same text: printable ASCII, as nearly all names are. */
bool escape_json_is_plain(const char *text);

/* Plain text in GitHub markdown, table cells included: as escape_terminal, and no markup. */
char *escape_markdown(const char *text);

/* A code span in GitHub markdown, table cells included: fenced, so that nothing in it is markup. */
char *escape_markdown_code(const char *text);

/* Text in HTML, between tags or between the double quotes of an attribute: as escape_terminal, and
 * no markup. */
char *escape_html(const char *text);

/* The bytes of the UTF-8 character at text (1 to 4) and its number, or 0: not UTF-8 (overlong,
 * surrogate, beyond U+10FFFF, cut). text is NUL-terminated. */
size_t escape_utf8(const char *text, uint32_t *ret_char);

#endif
