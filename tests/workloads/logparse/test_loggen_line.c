#include "loggen_line.h"

#include "log_parse.h"

#include <criterion/criterion.h>
#include <string.h>

static struct loggen one;
static struct loggen two;
static struct log_line line;

Test(loggen_line, same_seed_makes_the_same_bytes)
{
    loggen_init(&one, 42, 5);
    loggen_init(&two, 42, 5);
    for (int i = 0; i < 5000; i++) {
        size_t bytes = loggen_next(&one);
        cr_assert_eq(loggen_next(&two), bytes);
        cr_assert_arr_eq(one.line, two.line, bytes);
    }
}

Test(loggen_line, other_seed_makes_other_lines)
{
    loggen_init(&one, 1, 0);
    loggen_init(&two, 2, 0);
    size_t bytes = loggen_next(&one);
    cr_assert(loggen_next(&two) != bytes || memcmp(one.line, two.line, bytes) != 0);
}

/* The bytes are part of the contract: figures in the docs name a seed, not a file. */
Test(loggen_line, bytes_of_seed_1_are_those_of_every_machine)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    loggen_init(&one, 1, 5);
    for (int i = 0; i < 10000; i++) {
        size_t bytes = loggen_next(&one);
        for (size_t at = 0; at < bytes; at++) {
            sum = (sum ^ (unsigned char)one.line[at]) * UINT64_C(0x100000001b3);
        }
    }
    cr_assert_eq(sum, UINT64_C(0x3b1199628bd84e9b), "FNV-1a of the first 10,000 lines: 0x%016lx",
                 sum);
}

Test(loggen_line, exactly_the_damaged_lines_are_malformed)
{
    uint64_t malformed = 0;
    uint64_t by_defect[LOG_DEFECTS] = {0};
    loggen_init(&one, 7, 200);
    for (int i = 0; i < 50000; i++) {
        uint64_t before = one.malformed_lines;
        size_t bytes = loggen_next(&one);
        enum log_defect defect = log_parse(one.line, bytes - 1, &line);
        cr_assert_eq(defect != LOG_FINE, one.malformed_lines > before, "%.*s", (int)bytes,
                     one.line);
        cr_assert(defect != LOG_FINE || (line.is_access && line.count == 9));
        by_defect[defect]++;
        malformed += defect != LOG_FINE;
    }
    cr_assert(malformed > 9500 && malformed < 10500, "about 200 of 1000: %lu", malformed);
    cr_assert(by_defect[LOG_EMPTY] > 0 && by_defect[LOG_BINARY] > 0 &&
              by_defect[LOG_OPEN_QUOTE] > 0 && by_defect[LOG_OPEN_BRACKET] > 0 &&
              by_defect[LOG_BAD_ACCESS] > 0);
}

Test(loggen_line, has_long_urls_escaped_quotes_and_both_kinds_of_hosts)
{
    size_t longest = 0;
    int quotes = 0;
    int ipv6 = 0;
    loggen_init(&one, 1, 0);
    for (int i = 0; i < 10000; i++) {
        size_t bytes = loggen_next(&one);
        cr_assert_eq(one.line[bytes - 1], '\n');
        cr_assert_null(memchr(one.line, '\n', bytes - 1));
        longest = bytes > longest ? bytes : longest;
        quotes += memmem(one.line, bytes, "\\\"", 2) != NULL;
        ipv6 += memcmp(one.line, "2001:", 5) == 0;
    }
    cr_assert(longest > 1800 && longest < 4000, "%zu", longest);
    cr_assert_gt(quotes, 100);
    cr_assert(ipv6 > 2000 && ipv6 < 4000, "%d", ipv6);
}
