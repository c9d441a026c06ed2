#include "base/units.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Fits an integer; nobody reads a larger one. */
#define RATIO_MAX 1e15
#define NS_PER_S UINT64_C(1000000000)

struct scale {
    double from; /* smallest value shown in this unit */
    double one;
    const char *name;
};

static struct units_text text_of(const char *text)
{
    struct units_text result;
    snprintf(result.s, sizeof result.s, "%s", text);
    return result;
}

/* Three significant digits; the limits are where rounding would make a fourth. */
static struct units_text significant(double value, const char *unit)
{
    struct units_text result;
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(result.s, sizeof result.s, "%.*f%s%s", decimals, value, unit[0] != '\0' ? " " : "",
             unit);
    return result;
}

static struct units_text scaled(double value, const struct scale *scales, size_t count)
{
    size_t i = count - 1;
    while (i > 0 && value < scales[i].from) {
        i--;
    }
    return significant(value / scales[i].one, scales[i].name);
}

struct units_text units_count(uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
    struct units_text result;
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            result.s[at++] = ',';
        }
        result.s[at++] = digits[i];
    }
    result.s[at] = '\0';
    return result;
}

struct units_text units_short(uint64_t value)
{
    static const struct scale scales[] = {
        {0, 1e3, "k"}, {999.5e3, 1e6, "M"}, {999.5e6, 1e9, "G"}, {999.5e9, 1e12, "T"}};
    if (value < 10000) {
        return units_count(value);
    }
    return scaled((double)value, scales, sizeof scales / sizeof scales[0]);
}

struct units_text units_bytes(uint64_t bytes)
{
    static const struct scale scales[] = {
        {0, 1024.0, "KiB"},
        {999.5 * 1024, 1048576.0, "MiB"},
        {999.5 * 1048576, 1073741824.0, "GiB"},
        {999.5 * 1073741824, 1099511627776.0, "TiB"},
    };
    if (bytes < 1024) {
        struct units_text result;
        snprintf(result.s, sizeof result.s, "%" PRIu64 " B", bytes);
        return result;
    }
    return scaled((double)bytes, scales, sizeof scales / sizeof scales[0]);
}

struct units_text units_ns(uint64_t ns)
{
    static const struct scale scales[] = {
        {0, 1e3, "us"}, {999.5e3, 1e6, "ms"}, {999.5e6, 1e9, "s"}};
    struct units_text result;
    if (ns < 1000) {
        snprintf(result.s, sizeof result.s, "%" PRIu64 " ns", ns);
        return result;
    }
    if (ns < 120 * NS_PER_S) {
        return scaled((double)ns, scales, sizeof scales / sizeof scales[0]);
    }
    uint64_t seconds = (ns + NS_PER_S / 2) / NS_PER_S;
    if (seconds < 7200) {
        snprintf(result.s, sizeof result.s, "%" PRIu64 " min %02" PRIu64 " s", seconds / 60,
                 seconds % 60);
    } else {
        snprintf(result.s, sizeof result.s, "%" PRIu64 " h %02" PRIu64 " min", seconds / 3600,
                 seconds % 3600 / 60);
    }
    return result;
}

const char *units_s(uint64_t count)
{
    return count == 1 ? "" : "s";
}

struct units_text units_share(uint64_t part, uint64_t whole)
{
    struct units_text result;
    if (whole == 0) {
        return text_of("-");
    }
    double percent = 100.0 * (double)part / (double)whole;
    if (part != 0 && percent < 0.05) {
        return text_of("<0.1 %");
    }
    /* 100.0 is said of all and of nothing less. */
    if (part < whole && percent > 99.9) {
        return text_of("99.9 %");
    }
    snprintf(result.s, sizeof result.s, "%.1f %%", percent);
    return result;
}

struct units_text units_per(uint64_t value, uint64_t units)
{
    struct units_text result;
    if (units == 0) {
        return text_of("-");
    }
    double each = (double)value / (double)units;
    if (each >= 999.5) {
        return units_count((uint64_t)(each + 0.5));
    }
    if (value == 0 || each >= 0.995) {
        return significant(each, "");
    }
    if (each < 0.001) {
        return text_of("<0.001");
    }
    snprintf(result.s, sizeof result.s, "%.3g", each);
    return result;
}

typedef struct units_text format_one(uint64_t value);

static struct units_text change(uint64_t before, uint64_t after, format_one *format)
{
    if (before == after) {
        return text_of("0");
    }
    struct units_text size = format(after > before ? after - before : before - after);
    struct units_text result;
    snprintf(result.s, sizeof result.s, "%c%.46s", after > before ? '+' : '-', size.s);
    return result;
}

struct units_text units_count_change(uint64_t before, uint64_t after)
{
    return change(before, after, units_count);
}

struct units_text units_bytes_change(uint64_t before, uint64_t after)
{
    return change(before, after, units_bytes);
}

struct units_text units_ns_change(uint64_t before, uint64_t after)
{
    return change(before, after, units_ns);
}

struct units_text units_ratio(uint64_t before, uint64_t after, const char *fewer, const char *more)
{
    if (before == after) {
        return text_of("same");
    }
    if (before == 0 || after == 0) {
        return text_of(before == 0 ? "new" : "none left");
    }
    bool is_more = after > before;
    double factor = is_more ? (double)after / (double)before : (double)before / (double)after;
    double percent = 100.0 * ((double)after - (double)before) / (double)before;
    const char *word = is_more ? more : fewer;
    struct units_text result;
    if (factor < 1.1) {
        percent = is_more ? percent : -percent;
        snprintf(result.s, sizeof result.s, "%.1f %% %s", percent < 0.1 ? 0.1 : percent, word);
    } else if (factor < 9.95) {
        snprintf(result.s, sizeof result.s, "%.1fx %s", factor, word);
    } else {
        uint64_t whole = (uint64_t)(factor < RATIO_MAX ? factor + 0.5 : RATIO_MAX);
        snprintf(result.s, sizeof result.s, "%.30sx %s", units_count(whole).s, word);
    }
    return result;
}
