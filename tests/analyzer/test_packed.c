/* Compressed streams: what comes out unpacks to what went in. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/packed.h"

enum { BYTES = 500000 };

/* Bytes that pack badly, through a stream; *ret_bytes is how many came out. */
static char *pack(FILE *(*open_packed)(FILE *), char *given, size_t *ret_bytes)
{
    uint32_t state = 1;
    char *packed = NULL;
    FILE *out = open_memstream(&packed, ret_bytes);
    FILE *in = open_packed(out);
    for (size_t i = 0; i < BYTES; i++) {
        state = state * 1664525 + 1013904223;
        given[i] = (char)(state >> 24);
    }
    cr_assert_eq(fwrite(given, 1, BYTES, in), BYTES);
    cr_assert_eq(fclose(in), 0);
    cr_assert_eq(fclose(out), 0);
    return packed;
}

Test(packed, gzip_is_read_by_zlib)
{
    char *given = mem_zero(BYTES, 1);
    char *got = mem_zero(BYTES, 1);
    size_t bytes = 0;
    char *packed = pack(packed_gzip, given, &bytes);
    z_stream stream = {.next_in = (Bytef *)packed,
                       .avail_in = (uInt)bytes,
                       .next_out = (Bytef *)got,
                       .avail_out = BYTES};
    cr_assert_eq(inflateInit2(&stream, 31), Z_OK);
    cr_expect_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    cr_expect_eq(memcmp(given, got, BYTES), 0);
    cr_expect_eq(memcmp(packed + 4, "\0\0\0\0", 4), 0, "no time: equal bytes each time");
    free(packed);
    free(got);
    free(given);
}

Test(packed, zstd_is_read_by_zstd)
{
    char *given = mem_zero(BYTES, 1);
    char *got = mem_zero(BYTES, 1);
    size_t bytes = 0;
    char *packed = pack(packed_zstd, given, &bytes);
    ZSTD_inBuffer in = {packed, bytes, 0};
    ZSTD_outBuffer out = {got, BYTES, 0};
    ZSTD_DStream *stream = ZSTD_createDStream();
    size_t left = 1;
    while (in.pos < in.size && left != 0 && !ZSTD_isError(left)) {
        left = ZSTD_decompressStream(stream, &out, &in);
    }
    cr_expect_eq(left, 0);
    cr_expect_eq(out.pos, BYTES);
    cr_expect_eq(memcmp(given, got, BYTES), 0);
    ZSTD_freeDStream(stream);
    free(packed);
    free(got);
    free(given);
}

Test(packed, a_full_disk_is_told)
{
    FILE *full = fopen("/dev/full", "w");
    char *given = mem_zero(BYTES, 1);
    FILE *in = packed_gzip(full);
    setvbuf(full, NULL, _IONBF, 0);
    (void)fwrite(given, 1, BYTES, in);
    cr_expect_neq(fclose(in), 0);
    fclose(full);
    free(given);
}
