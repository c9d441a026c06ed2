#include "view/html_pack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"

enum {
    LEVEL = 6,
    WINDOW_AND_GZIP_HEAD = 15 + 16, /* zlib's words for: a gzip file, the largest window */
    MEMORY = 9,
    PACKED_BYTES = 3 * 8192 /* whole groups of base64 */
};

struct pack {
    FILE *out;
    z_stream zip;
    uint8_t packed[PACKED_BYTES]; /* bytes that wait for their base64 */
    size_t count;
};

static void put_group(char *to, const uint8_t *from, size_t count)
{
    static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = (uint32_t)from[0] << 16;
    bits |= count > 1 ? (uint32_t)from[1] << 8 : 0;
    bits |= count > 2 ? from[2] : 0;
    to[0] = signs[bits >> 18];
    to[1] = signs[bits >> 12 & 63];
    to[2] = signs[bits >> 6 & 63];
    to[3] = signs[bits & 63];
    for (size_t i = count; i < 3; i++) {
        to[i + 1] = '=';
    }
}

/* Only the last call may have a count that is no multiple of three. */
static bool write_base64(struct pack *pack)
{
    char text[PACKED_BYTES / 3 * 4];
    size_t length = 0;
    for (size_t i = 0; i < pack->count; i += 3) {
        size_t left = pack->count - i;
        put_group(text + length, pack->packed + i, left < 3 ? left : 3);
        length += 4;
    }
    pack->count = 0;
    return fwrite(text, 1, length, pack->out) == length;
}

/* Gives zlib what it was handed; flush: Z_NO_FLUSH, or Z_FINISH at the end. */
static bool run(struct pack *pack, int flush)
{
    int state;
    do {
        pack->zip.next_out = pack->packed + pack->count;
        pack->zip.avail_out = (unsigned)(PACKED_BYTES - pack->count);
        state = deflate(&pack->zip, flush);
        pack->count = PACKED_BYTES - pack->zip.avail_out;
        if (state == Z_STREAM_ERROR || (pack->zip.avail_out == 0 && !write_base64(pack))) {
            return false;
        }
    } while (pack->zip.avail_in != 0 || (flush == Z_FINISH && state != Z_STREAM_END));
    return true;
}

static ssize_t take(void *cookie, const char *bytes, size_t count)
{
    struct pack *pack = cookie;
    uint8_t copy[4096]; /* zlib's input is not const */
    for (size_t done = 0; done < count;) {
        size_t part = count - done < sizeof copy ? count - done : sizeof copy;
        memcpy(copy, bytes + done, part);
        pack->zip.next_in = copy;
        pack->zip.avail_in = (unsigned)part;
        if (!run(pack, Z_NO_FLUSH)) {
            return 0;
        }
        done += part;
    }
    return (ssize_t)count;
}

static int end(void *cookie)
{
    struct pack *pack = cookie;
    bool is_written = run(pack, Z_FINISH) && write_base64(pack);
    deflateEnd(&pack->zip);
    free(pack);
    return is_written ? 0 : EOF;
}

FILE *html_pack_on(FILE *out)
{
    struct pack *pack = mem_zero(1, sizeof *pack);
    pack->out = out;
    if (deflateInit2(&pack->zip, LEVEL, Z_DEFLATED, WINDOW_AND_GZIP_HEAD, MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(pack);
        errno = ENOMEM;
        return NULL;
    }
    FILE *stream = fopencookie(pack, "w", (cookie_io_functions_t){.write = take, .close = end});
    if (stream == NULL) {
        deflateEnd(&pack->zip);
        free(pack);
    }
    return stream;
}
