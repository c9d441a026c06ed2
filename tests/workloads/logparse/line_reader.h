/*
 * line_reader - the lines of a file or pipe, one after another, in one buffer of fixed size.
 * A line that does not fit comes in parts, none of which ends within a UTF-8 character.
 * Owner:   the reader owns the buffer; a part's text lives until the next call.
 * Memory:  LINE_BYTES_MAX at open, none later; pages are touched only as lines need them.
 */
#ifndef LINE_READER_H
#define LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_BYTES_MAX = 4 * 1024 * 1024 };

struct line_reader {
    int fd;
    char *buffer;
    size_t start;   /* of the bytes not yet given out */
    size_t scanned; /* up to here there is no newline */
    size_t end;     /* of the bytes read */
    bool is_at_end; /* of the file */
    bool is_inside; /* the last part did not end its line */
    uint64_t bytes_in;
};

struct line_part {
    const char *text; /* without its newline */
    size_t bytes;
    bool is_first;
    bool is_last;
};

/* Takes the descriptor, which the caller closes; false when there is no memory. */
bool line_reader_open(struct line_reader *reader, int fd);
void line_reader_close(struct line_reader *reader);

/* 1 = a part, 0 = the end, -1 = a read failed (errno). */
int line_reader_next(struct line_reader *reader, struct line_part *ret_part);

#endif
