/*
 * units - numbers as a person reads them: separators, binary byte units, time, shares, ratios.
 * Results are small values; `units_ns(x).s` lives to the end of the statement that made it.
 * Units: bytes in powers of 1024, time from ns. Three significant digits where a unit is chosen.
 */
#ifndef ALLOCTRAP_BASE_UNITS_H
#define ALLOCTRAP_BASE_UNITS_H

#include <stdint.h>

struct units_text {
    char s[48];
};

/* "1,234,567". */
struct units_text units_count(uint64_t value);

/* For sentences: "9,876", "98.3 k", "6.12 M", "1.50 G". */
struct units_text units_short(uint64_t value);

/* "512 B", "1.50 KiB", "23.4 MiB". */
struct units_text units_bytes(uint64_t bytes);

/* "812 ns", "1.25 us", "45.6 ms", "3.20 s", "2 min 05 s". */
struct units_text units_ns(uint64_t ns);

/* The plural's ending of so many: "" of one, else "s". */
const char *units_s(uint64_t count);

/* "12.3 %"; "-" of nothing. */
struct units_text units_share(uint64_t part, uint64_t whole);

/* value for each of `units`: "14.2", "0.003", "<0.001"; "-" when units is 0. */
struct units_text units_per(uint64_t value, uint64_t units);

/* after - before with its sign, each in its unit; "0" when equal. */
struct units_text units_count_change(uint64_t before, uint64_t after);
struct units_text units_bytes_change(uint64_t before, uint64_t after);
struct units_text units_ns_change(uint64_t before, uint64_t after);

/* How after stands to before, in words: "62x fewer", "1.4x more", "3.2 % more", "same", "new" (it
 * was 0), "none left". fewer and more are the words to use ("less", "longer"). */
struct units_text units_ratio(uint64_t before, uint64_t after, const char *fewer, const char *more);

#endif
