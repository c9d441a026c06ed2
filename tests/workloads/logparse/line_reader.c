#include "line_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "utf8.h"

enum { READ_BYTES = 64 * 1024 };

bool line_reader_open(struct line_reader *reader, int fd)
{
    *reader = (struct line_reader){.fd = fd, .buffer = malloc(LINE_BYTES_MAX)};
    return reader->buffer != NULL;
}

void line_reader_close(struct line_reader *reader)
{
    free(reader->buffer);
    reader->buffer = NULL;
}

/* Moves the begun line to the front, so that only what is left of it is ever copied. */
static void make_room(struct line_reader *reader)
{
    if (reader->start == 0) {
        return;
    }
    memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
    reader->end -= reader->start;
    reader->scanned -= reader->start;
    reader->start = 0;
}

static bool read_more(struct line_reader *reader)
{
    size_t room = LINE_BYTES_MAX - reader->end;
    ssize_t got;
    do {
        got = read(reader->fd, reader->buffer + reader->end, room < READ_BYTES ? room : READ_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return false;
    }
    reader->is_at_end = got == 0;
    reader->end += (size_t)got;
    reader->bytes_in += (uint64_t)got;
    return true;
}

/* Gives out bytes of text, and skips more behind them (the newline). */
static int give(struct line_reader *reader, size_t bytes, size_t skip, bool is_last,
                struct line_part *ret_part)
{
    *ret_part = (struct line_part){.text = reader->buffer + reader->start,
                                   .bytes = bytes,
                                   .is_first = !reader->is_inside,
                                   .is_last = is_last};
    reader->is_inside = !is_last;
    reader->start += bytes + skip;
    reader->scanned = reader->start;
    return 1;
}

int line_reader_next(struct line_reader *reader, struct line_part *ret_part)
{
    for (;;) {
        const char *from = reader->buffer + reader->scanned;
        const char *newline = memchr(from, '\n', reader->end - reader->scanned);
        size_t held = reader->end - reader->start;
        if (newline != NULL) {
            size_t bytes = (size_t)(newline - (reader->buffer + reader->start));
            return give(reader, bytes, 1, true, ret_part);
        }
        if (reader->is_at_end) {
            return held > 0 || reader->is_inside ? give(reader, held, 0, true, ret_part) : 0;
        }
        if (held == LINE_BYTES_MAX) {
            size_t cut = utf8_unfinished((const unsigned char *)reader->buffer, held);
            return give(reader, held - cut, 0, false, ret_part);
        }
        reader->scanned = reader->end;
        make_room(reader);
        if (!read_more(reader)) {
            return -1;
        }
    }
}
