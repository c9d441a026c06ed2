#include "budget/budget_metric.h"

static const struct budget_metric_facts facts[METRIC_COUNT] = {
#define BUDGET_METRIC_ROW(id, key, unit, merge, words) {key, unit, merge, words},
    BUDGET_METRIC_TABLE(BUDGET_METRIC_ROW)
#undef BUDGET_METRIC_ROW
};

const struct budget_metric_facts *budget_metric_facts(enum budget_metric metric)
{
    return &facts[metric];
}

unsigned budget_metric_quantile(enum budget_metric metric)
{
    switch (metric) {
    case METRIC_P50:
        return 5000;
    case METRIC_P90:
        return 9000;
    case METRIC_P99:
        return 9900;
    case METRIC_P999:
        return 9990;
    default:
        return 0;
    }
}

bool budget_metric_is_of_calls(enum budget_metric metric)
{
    return metric <= METRIC_MAX;
}

bool budget_metric_is_of_run(enum budget_metric metric)
{
    return metric == METRIC_PEAK_RSS || metric == METRIC_DROPPED;
}

bool budget_metric_has_baseline(enum budget_metric metric)
{
    return facts[metric].unit != BUDGET_NS && metric != METRIC_PEAK_RSS &&
           metric != METRIC_DROPPED && metric != METRIC_FINDINGS;
}

__extension__ typedef unsigned __int128 wide;

int budget_ratio_compare(struct budget_ratio a, struct budget_ratio b)
{
    wide left = (wide)a.num * b.den;
    wide right = (wide)b.num * a.den;
    return (left > right) - (left < right);
}

static wide divisor(wide a, wide b)
{
    while (b != 0) {
        wide rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* num / den in 64 bits each; where they do not fit, the next larger value that does. */
static struct budget_ratio narrow(wide num, wide den)
{
    wide common = divisor(num, den);
    num /= common;
    den /= common;
    while (num > UINT64_MAX || den > UINT64_MAX) {
        num = num / 2 + num % 2;
        den = den > 1 ? den / 2 : 1;
        if (den == 1 && num > UINT64_MAX) {
            return (struct budget_ratio){UINT64_MAX, 1};
        }
    }
    return (struct budget_ratio){(uint64_t)num, (uint64_t)den};
}

/* Halves a fraction's parts until their product with a third number stays in 128 bits. */
static struct budget_ratio small(struct budget_ratio a)
{
    while (a.num >> 48 != 0 && a.den > 1) {
        a.num = a.num / 2 + a.num % 2;
        a.den /= 2;
    }
    return a;
}

struct budget_ratio budget_ratio_grow(struct budget_ratio a, struct budget_ratio percent)
{
    percent = small(percent);
    wide whole = (wide)percent.den * 100;
    wide factor = whole + percent.num;
    if (factor > UINT64_MAX || whole > UINT64_MAX) {
        return (struct budget_ratio){UINT64_MAX, 1};
    }
    struct budget_ratio by = narrow(factor, whole);
    return narrow((wide)a.num * by.num, (wide)a.den * by.den);
}

struct budget_ratio budget_ratio_add(struct budget_ratio a, struct budget_ratio more)
{
    if (a.den == more.den) {
        return narrow((wide)a.num + more.num, a.den);
    }
    a = small(a);
    more = small(more);
    wide left = (wide)a.num * more.den;
    wide right = (wide)more.num * a.den;
    return narrow(left / 2 + right / 2 + 1 > (wide)-1 / 2 ? (wide)-1 : left + right,
                  (wide)a.den * more.den);
}

struct budget_ratio budget_ratio_shrink(struct budget_ratio a, struct budget_ratio percent)
{
    percent = small(percent);
    wide whole = (wide)percent.den * 100;
    if (percent.num >= whole || whole > UINT64_MAX) {
        return (struct budget_ratio){0, 1};
    }
    struct budget_ratio by = narrow(whole - percent.num, whole);
    return narrow((wide)a.num * by.num, (wide)a.den * by.den);
}
