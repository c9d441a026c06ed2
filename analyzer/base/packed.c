#include "base/packed.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

enum {
    BUFFER_BYTES = 64 << 10,
    GZIP_LEVEL = 6,
    GZIP_WINDOW = 15 + 16, /* 32 KiB, with gzip's frame */
    GZIP_MEMORY = 8,
    ZSTD_LEVEL = 6
};

struct packed {
    FILE *out;
    z_stream gzip;
    ZSTD_CCtx *zstd; /* NULL: gzip */
    unsigned char buffer[BUFFER_BYTES];
};

static int gzip_some(struct packed *p, int flush)
{
    do {
        p->gzip.next_out = p->buffer;
        p->gzip.avail_out = BUFFER_BYTES;
        if (deflate(&p->gzip, flush) == Z_STREAM_ERROR) {
            return -1;
        }
        size_t bytes = BUFFER_BYTES - p->gzip.avail_out;
        if (fwrite(p->buffer, 1, bytes, p->out) != bytes) {
            return -1;
        }
    } while (p->gzip.avail_out == 0);
    return 0;
}

static ssize_t gzip_write(void *cookie, const char *bytes, size_t count)
{
    struct packed *p = cookie;
    p->gzip.next_in = (z_const Bytef *)(uintptr_t)bytes; /* zlib does not write there */
    p->gzip.avail_in = (uInt)count;
    return gzip_some(p, Z_NO_FLUSH) == 0 ? (ssize_t)count : 0; /* never negative: fopencookie(3) */
}

static int gzip_close(void *cookie)
{
    struct packed *p = cookie;
    p->gzip.avail_in = 0;
    int result = gzip_some(p, Z_FINISH);
    deflateEnd(&p->gzip);
    free(p);
    return result;
}

static int zstd_some(struct packed *p, ZSTD_inBuffer *in, ZSTD_EndDirective end)
{
    size_t left;
    do {
        ZSTD_outBuffer out = {p->buffer, BUFFER_BYTES, 0};
        left = ZSTD_compressStream2(p->zstd, &out, in, end);
        if (ZSTD_isError(left) || fwrite(p->buffer, 1, out.pos, p->out) != out.pos) {
            return -1;
        }
    } while (end == ZSTD_e_end ? left != 0 : in->pos < in->size);
    return 0;
}

static ssize_t zstd_write(void *cookie, const char *bytes, size_t count)
{
    ZSTD_inBuffer in = {bytes, count, 0};
    return zstd_some(cookie, &in, ZSTD_e_continue) == 0 ? (ssize_t)count : 0;
}

static int zstd_close(void *cookie)
{
    struct packed *p = cookie;
    ZSTD_inBuffer in = {NULL, 0, 0};
    int result = zstd_some(p, &in, ZSTD_e_end);
    ZSTD_freeCCtx(p->zstd);
    free(p);
    return result;
}

FILE *packed_gzip(FILE *out)
{
    struct packed *p = mem_zero(1, sizeof *p);
    p->out = out;
    if (deflateInit2(&p->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(p);
        return NULL;
    }
    FILE *stream =
        fopencookie(p, "w", (cookie_io_functions_t){.write = gzip_write, .close = gzip_close});
    if (stream == NULL) {
        deflateEnd(&p->gzip);
        free(p);
    }
    return stream;
}

FILE *packed_zstd(FILE *out)
{
    struct packed *p = mem_zero(1, sizeof *p);
    p->out = out;
    p->zstd = ZSTD_createCCtx();
    if (p->zstd == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL))) {
        ZSTD_freeCCtx(p->zstd);
        free(p);
        return NULL;
    }
    FILE *stream =
        fopencookie(p, "w", (cookie_io_functions_t){.write = zstd_write, .close = zstd_close});
    if (stream == NULL) {
        ZSTD_freeCCtx(p->zstd);
        free(p);
    }
    return stream;
}
