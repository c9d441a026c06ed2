#include "budget/policy_values.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum { DIGITS_MAX = 18, DECIMALS_MAX = 6 };

struct scale {
    const char *name;
    enum budget_unit unit;
    uint64_t factor;
};

static const struct scale scales[] = {
    {"", BUDGET_COUNT, 1},
    {"", BUDGET_BYTES, 1},
    {"B", BUDGET_BYTES, 1},
    {"KiB", BUDGET_BYTES, UINT64_C(1) << 10},
    {"MiB", BUDGET_BYTES, UINT64_C(1) << 20},
    {"GiB", BUDGET_BYTES, UINT64_C(1) << 30},
    {"TiB", BUDGET_BYTES, UINT64_C(1) << 40},
    {"kB", BUDGET_BYTES, 1000},
    {"MB", BUDGET_BYTES, 1000000},
    {"GB", BUDGET_BYTES, 1000000000},
    {"ns", BUDGET_NS, 1},
    {"us", BUDGET_NS, 1000},
    {"ms", BUDGET_NS, 1000000},
    {"s", BUDGET_NS, 1000000000},
    {"min", BUDGET_NS, UINT64_C(60000000000)},
};

static const char *const wanted[] = {
    [BUDGET_COUNT] = "a number, as in 120000 or 0.5",
    [BUDGET_BYTES] = "a size, as in 24 MiB, 10 kB or 512",
    [BUDGET_NS] = "a time with its unit, as in 250ns, 20us, 2 ms or 1 s",
};

/* "120000", "1_000", "0.25": false when there is none, or too many digits. */
static bool take_number(const char **text, struct budget_ratio *ret)
{
    const char *at = *text;
    unsigned digits = 0;
    unsigned decimals = 0;
    bool is_behind_point = false;
    *ret = (struct budget_ratio){0, 1};
    for (; isdigit((unsigned char)*at) || *at == '_' || (*at == '.' && !is_behind_point); at++) {
        if (*at == '.') {
            is_behind_point = true;
        } else if (*at != '_') {
            ret->num = ret->num * 10 + (uint64_t)(*at - '0');
            ret->den *= is_behind_point ? 10 : 1;
            decimals += is_behind_point;
            digits += 1;
            if (digits > DIGITS_MAX || decimals > DECIMALS_MAX) {
                return false;
            }
        }
    }
    *text = at;
    return digits > 0;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

static uint64_t divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The product in its lowest terms; false when it does not fit. */
static bool scale_by(struct budget_ratio *value, uint64_t factor)
{
    uint64_t common = divisor(factor, value->den);
    factor /= common;
    value->den /= common;
    common = divisor(value->num, value->den);
    value->num /= common;
    value->den /= common;
    return !__builtin_mul_overflow(value->num, factor, &value->num);
}

static const struct scale *find_scale(const char *name, enum budget_unit unit)
{
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        if (scales[i].unit == unit && strcmp(scales[i].name, name) == 0) {
            return &scales[i];
        }
    }
    return NULL;
}

const char *policy_value_parse(const char *text, enum budget_unit unit, struct budget_ratio *ret)
{
    const char *at = skip_blanks(text);
    struct budget_ratio value;
    if (!take_number(&at, &value)) {
        return wanted[unit];
    }
    at = skip_blanks(at);
    const struct scale *scale = find_scale(at, unit);
    if (scale == NULL && value.num == 0 && at[0] == '\0') {
        *ret = (struct budget_ratio){0, 1}; /* nothing is nothing in every unit */
        return NULL;
    }
    if (scale == NULL || !scale_by(&value, scale->factor)) {
        return wanted[unit];
    }
    *ret = value;
    return NULL;
}

const char *policy_percent_parse(const char *text, struct budget_ratio *ret)
{
    const char *at = skip_blanks(text);
    at += *at == '+';
    struct budget_ratio value;
    if (!take_number(&at, &value) || strcmp(skip_blanks(at), "%") != 0) {
        return "a percentage, as in 5%";
    }
    *ret = value;
    return NULL;
}

const char *policy_any_parse(const char *text, struct budget_ratio *ret, enum budget_unit *ret_unit)
{
    static const enum budget_unit units[] = {BUDGET_COUNT, BUDGET_BYTES, BUDGET_NS};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (policy_value_parse(text, units[i], ret) == NULL) {
            *ret_unit = units[i];
            return NULL;
        }
    }
    return "a number, a size or a time, as in 5, 1 KiB or 200ns";
}

const char *policy_change_parse(const char *text, enum budget_unit unit, struct policy_change *ret)
{
    struct policy_change change = {.is_set = true};
    const char *at = skip_blanks(text);
    at += *at == '+';
    if (policy_percent_parse(at, &change.by) == NULL) {
        change.is_percent = true;
    } else if (policy_value_parse(at, unit, &change.by) != NULL) {
        return "how much more than the baseline is allowed, as in +5%, +3 or 0";
    }
    *ret = change;
    return NULL;
}
