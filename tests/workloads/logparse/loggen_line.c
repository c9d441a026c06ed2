#include "loggen_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    HOSTS = 200000,            /* distinct hosts; the first of them come most often */
    FIRST_STAMP_S = 1767225600 /* 2026-01-01 00:00:00 UTC */
};

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

/* A row that is listed twice is drawn twice as often. */
static const char *const users[] = {"alice", "bob",           "carol", "dave",
                                    "erin",  "j\\xc3\\xb6rg", "zoe"};
static const char *const methods[] = {"GET", "GET",  "GET",  "GET",  "GET", "GET",    "GET",
                                      "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"};
static const char *const statuses[] = {"200", "200", "200", "200", "200", "200",
                                       "200", "206", "301", "302", "304", "304",
                                       "400", "403", "404", "404", "500", "503"};
static const char *const pages[] = {"index.html", "search",   "cart",        "checkout",
                                    "article",    "login",    "logo.png",    "app.js",
                                    "main.css",   "feed.xml", "api/v2/items"};
static const char *const folders[] = {"", "shop/", "blog/2026/", "static/img/", "docs/en/", "u/"};
static const char *const keys[] = {"q",      "page", "utm_source", "session",
                                   "filter", "sort", "ref",        "token"};
static const char *const referers[] = {
    "-",
    "-",
    "https://www.example.com/",
    "https://search.example.net/?q=log+parser",
    "https://forum.example.org/t/\\\"why is it slow\\\"/4711",
    "https://shop.example.com/cart?step=2&coupon=SPRING",
};
static const char *const agents[] = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example.com/about)",
    "curl/7.88.1",
    "Monitor \\\"probe\\\" \\\\ v2 (caf\\xc3\\xa9)",
    "-",
};

static uint32_t draw(struct loggen *gen, uint32_t below)
{
    return loggen_random_below(&gen->random, below);
}

#define DRAW_FROM(gen, array) ((array)[draw((gen), COUNT_OF(array))])

static void put_char(struct loggen *gen, char c)
{
    if (gen->length < LOGGEN_LINE_BYTES_MAX - 1) { /* the last byte is kept for the newline */
        gen->line[gen->length++] = c;
    }
}

static void put(struct loggen *gen, const char *text)
{
    size_t room = LOGGEN_LINE_BYTES_MAX - 1 - gen->length;
    size_t bytes = strlen(text);
    bytes = bytes < room ? bytes : room;
    memcpy(gen->line + gen->length, text, bytes);
    gen->length += bytes;
}

static void put_number(struct loggen *gen, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0) {
        put_char(gen, digits[--count]);
    }
}

static void put_hex(struct loggen *gen, uint64_t number, unsigned digits)
{
    for (unsigned i = digits; i-- > 0;) {
        put_char(gen, "0123456789abcdef"[(number >> (4 * i)) & 15]);
    }
}

static void put_ipv4(struct loggen *gen, uint64_t bits)
{
    put_number(gen, 1 + bits % 223);
    for (unsigned i = 1; i < 4; i++) {
        put_char(gen, '.');
        put_number(gen, (bits >> (8 * i)) & 255);
    }
}

static void put_ipv6(struct loggen *gen, uint64_t bits)
{
    put(gen, "2001:db8:");
    put_hex(gen, bits >> 48, 4);
    put(gen, "::");
    put_hex(gen, bits >> 16, 4);
    put_char(gen, ':');
    put_hex(gen, bits, 4);
}

/* The address follows from the host's number, so a frequent host keeps its address. */
static void put_host(struct loggen *gen)
{
    uint32_t host = loggen_random_skewed(&gen->random, HOSTS);
    uint64_t bits = loggen_mix(host + UINT64_C(0x10c4e4));
    if (host % 10 < 7) {
        put_ipv4(gen, bits);
    } else {
        put_ipv6(gen, bits);
    }
}

static void put_stamp(struct loggen *gen)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    time_t when = (time_t)gen->clock_s;
    char text[64];
    gmtime_r(&when, &tm);
    snprintf(text, sizeof text, "[%02d/%.3s/%04d:%02d:%02d:%02d +0000]", tm.tm_mday,
             months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    put(gen, text);
}

/* key=value pairs until the query has the given length: 2 of 100 URLs have up to 2 kB of them. */
static void put_query(struct loggen *gen)
{
    size_t bytes =
        loggen_random_permille(&gen->random, 20) ? 1000 + draw(gen, 1000) : draw(gen, 80);
    size_t end = gen->length + bytes;
    char before = '?';
    do {
        put_char(gen, before);
        put(gen, DRAW_FROM(gen, keys));
        put_char(gen, '=');
        uint32_t digits = 1 + draw(gen, 16); /* C leaves the order of arguments open */
        put_hex(gen, loggen_random_next(&gen->random), digits);
        put(gen, loggen_random_permille(&gen->random, 100) ? "%20%C3%A9" : "");
        before = '&';
    } while (gen->length < end);
}

static void put_target(struct loggen *gen)
{
    put_char(gen, '/');
    put(gen, DRAW_FROM(gen, folders));
    put(gen, DRAW_FROM(gen, pages));
    if (loggen_random_permille(&gen->random, 300)) {
        put_char(gen, '/');
        put_number(gen, loggen_random_skewed(&gen->random, 100000));
    }
    if (loggen_random_permille(&gen->random, 10)) {
        put(gen, "/\\\"quoted\\\"");
    }
    if (loggen_random_permille(&gen->random, 450)) {
        put_query(gen);
    }
}

static void put_request(struct loggen *gen)
{
    put_char(gen, '"');
    put(gen, DRAW_FROM(gen, methods));
    put_char(gen, ' ');
    put_target(gen);
    put(gen, loggen_random_permille(&gen->random, 850) ? " HTTP/1.1" : " HTTP/2.0");
    gen->request_end_at = gen->length;
    put_char(gen, '"');
}

/* A body of 2^k bytes and a bit; "-" where there was none. */
static void put_size(struct loggen *gen, const char *status)
{
    if (strcmp(status, "304") == 0) {
        put_char(gen, '-');
        return;
    }
    put_number(gen, draw(gen, 1U << (6 + draw(gen, 16))));
}

static void put_quoted(struct loggen *gen, const char *text)
{
    put(gen, " \"");
    put(gen, text);
    put_char(gen, '"');
}

static void make_ordinary(struct loggen *gen)
{
    const char *status = DRAW_FROM(gen, statuses);
    put_host(gen);
    put(gen, " - ");
    put(gen, loggen_random_permille(&gen->random, 80) ? DRAW_FROM(gen, users) : "-");
    put_char(gen, ' ');
    gen->stamp_at = gen->length;
    put_stamp(gen);
    put_char(gen, ' ');
    put_request(gen);
    put_char(gen, ' ');
    put(gen, status);
    put_char(gen, ' ');
    gen->size_at = gen->length;
    put_size(gen, status);
    put_quoted(gen, DRAW_FROM(gen, referers));
    put_quoted(gen, DRAW_FROM(gen, agents));
}

/* As when a disk was full: within the stamp or after it, before the size. */
static void damage_by_cutting(struct loggen *gen)
{
    size_t first = gen->stamp_at + 1;
    gen->length = first + draw(gen, (uint32_t)(gen->size_at - first));
}

/* As when a program escapes badly: one closing quote is not there. */
static void damage_a_quote(struct loggen *gen)
{
    size_t at = draw(gen, 2) == 0 ? gen->request_end_at : gen->length - 1;
    memmove(gen->line + at, gen->line + at + 1, gen->length - at - 1);
    gen->length--;
}

/* As after a crash: blocks of a file that were never written, or another file's. */
static void make_junk(struct loggen *gen)
{
    uint32_t bytes = 8 + draw(gen, 120);
    gen->length = 0;
    put_char(gen, '\0');
    for (uint32_t i = 0; i < bytes; i++) {
        char c = (char)(loggen_random_next(&gen->random) >> 56);
        put_char(gen, c == '\n' ? '\0' : c);
    }
}

/* As when a client sends a request without an end: 10 to 60 kB, and no closing quote. */
static void make_runaway(struct loggen *gen)
{
    size_t bytes = 10000 + draw(gen, 50000);
    gen->length = gen->request_end_at;
    while (gen->length < bytes) {
        put(gen, "/../");
        put_hex(gen, loggen_random_next(&gen->random), 16);
    }
}

static void damage(struct loggen *gen)
{
    uint32_t kind = draw(gen, 100);
    if (kind < 40) {
        damage_by_cutting(gen);
    } else if (kind < 65) {
        damage_a_quote(gen);
    } else if (kind < 80) {
        make_junk(gen);
    } else if (kind < 95) {
        gen->length = 0;
    } else {
        make_runaway(gen);
    }
    gen->malformed_lines++;
}

void loggen_init(struct loggen *gen, uint64_t seed, unsigned malformed_permille)
{
    gen->random.state = loggen_mix(seed);
    gen->malformed_permille = malformed_permille;
    gen->clock_s = FIRST_STAMP_S;
    gen->malformed_lines = 0;
    gen->length = 0;
}

size_t loggen_next(struct loggen *gen)
{
    gen->length = 0;
    make_ordinary(gen);
    if (loggen_random_permille(&gen->random, gen->malformed_permille)) {
        damage(gen);
    }
    gen->line[gen->length++] = '\n';
    gen->clock_s += loggen_random_permille(&gen->random, 300) ? draw(gen, 4) : 0;
    return gen->length;
}
