#include "view/html_pack.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What stands in base64 in text, unpacked; *ret_bytes long. Fails on any other sign. */
static char *unpacked(const char *text, size_t length, size_t room, size_t *ret_bytes)
{
    static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *zip = calloc(1, length + 3);
    char *out = calloc(1, room + 1);
    size_t count = 0;
    cr_assert_eq(length % 4, 0);
    for (size_t i = 0; i < length; i += 4) {
        uint32_t bits = 0;
        size_t pad = 0;
        for (size_t k = 0; k < 4; k++) {
            const char *sign = text[i + k] == '=' ? signs : strchr(signs, text[i + k]);
            cr_assert_not_null(sign, "'%c' is no base64", text[i + k]);
            pad += text[i + k] == '=';
            bits = bits << 6 | (uint32_t)(sign - signs);
        }
        cr_assert(pad == 0 || i + 4 == length);
        for (size_t k = 0; k < 3 - pad; k++) {
            zip[count++] = (uint8_t)(bits >> (16 - 8 * k));
        }
    }
    z_stream stream = {.next_in = zip,
                       .avail_in = (unsigned)count,
                       .next_out = (uint8_t *)out,
                       .avail_out = (unsigned)room};
    cr_assert_eq(inflateInit2(&stream, 15 + 16), Z_OK);
    cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    *ret_bytes = room - stream.avail_out;
    inflateEnd(&stream);
    free(zip);
    return out;
}

static void check_round_trip(const char *bytes, size_t count, size_t part)
{
    char *text = NULL;
    size_t length = 0;
    size_t got = 0;
    FILE *below = open_memstream(&text, &length);
    FILE *packed = html_pack_on(below);
    for (size_t i = 0; i < count; i += part) {
        size_t n = count - i < part ? count - i : part;
        cr_assert_eq(fwrite(bytes + i, 1, n, packed), n);
    }
    cr_assert_eq(fclose(packed), 0);
    fclose(below);
    char *out = unpacked(text, length, count + 1, &got);
    cr_assert_eq(got, count);
    cr_assert_eq(memcmp(out, bytes, count), 0);
    free(out);
    free(text);
}

Test(html_pack, every_length_comes_out_as_it_went_in)
{
    char bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 7919 % 251);
    }
    for (size_t count = 0; count < sizeof bytes; count++) {
        check_round_trip(bytes, count, 7);
    }
}

Test(html_pack, megabytes_that_do_not_pack_come_out_too)
{
    enum { BYTES = 3000001 };
    char *bytes = malloc(BYTES);
    uint32_t state = 1;
    for (size_t i = 0; i < BYTES; i++) {
        state = state * 1664525U + 1013904223U;
        bytes[i] = (char)(state >> 24);
    }
    check_round_trip(bytes, BYTES, 100000);
    free(bytes);
}

Test(html_pack, a_full_disk_is_told_at_the_end)
{
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    FILE *packed = html_pack_on(full);
    fputs("some data", packed);
    cr_assert_neq(fclose(packed), 0);
    fclose(full);
}
