#include "insight/latency_shape.h"

#include <math.h>

#include "alloctrap/loglin.h"
#include "insight/latency.h"

/* 0, 1, 2, 5, 10, 20, 50, ...: where bar i begins. */
static uint64_t edge(size_t i)
{
    static const uint64_t steps[] = {1, 2, 5};
    if (i == 0) {
        return 0;
    }
    uint64_t value = steps[(i - 1) % 3];
    for (size_t decades = (i - 1) / 3; decades > 0; decades--) {
        value = value > UINT64_MAX / 10 ? UINT64_MAX : value * 10;
    }
    return value;
}

static uint64_t net(const struct hist *hist, uint32_t bin, uint64_t clock_cost_ps)
{
    return latency_net(loglin_value(hist->bins[bin].code), 1, clock_cost_ps);
}

struct latency_bars latency_bars_of(const struct hist *hist, uint64_t clock_cost_ps)
{
    struct latency_bars bars = {.count = 0};
    size_t bar = 0;
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        uint64_t ns = net(hist, i, clock_cost_ps);
        while (edge(bar + 1) <= ns && bar + 1 < LATENCY_BARS_MAX) {
            bar += 1;
            if (bars.count > 0) { /* a gap is a bar without calls */
                bars.at[bars.count++] =
                    (struct latency_bar){.from_ns = edge(bar), .to_ns = edge(bar + 1)};
            }
        }
        if (bars.count == 0) {
            bars.at[bars.count++] =
                (struct latency_bar){.from_ns = edge(bar), .to_ns = edge(bar + 1)};
        }
        struct latency_bar *last = &bars.at[bars.count - 1];
        last->count += hist->bins[i].count;
        bars.highest = last->count > bars.highest ? last->count : bars.highest;
    }
    return bars;
}

/* The next quantile to tell: LATENCY_HALVES of them for each halving of what is left to 1. */
static double next_quantile(double quantile)
{
    double halvings = floor(log2(1 / (1 - quantile))) + 1;
    return quantile + 1 / (LATENCY_HALVES * exp2(halvings));
}

latency_lines latency_lines_of(const struct hist *hist, uint64_t clock_cost_ps)
{
    latency_lines lines = {0};
    double quantile = 0;
    uint64_t count = 0;
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        count += hist->bins[i].count;
        uint64_t ns = net(hist, i, clock_cost_ps);
        while (count < hist->count && (double)count >= quantile * (double)hist->count) {
            *MEM_PUSH(&lines) = (struct latency_line){ns, quantile, count};
            quantile = next_quantile(quantile);
        }
        if (count == hist->count) {
            *MEM_PUSH(&lines) = (struct latency_line){ns, 1, count};
            break;
        }
    }
    return lines;
}

void latency_moments(const struct hist *hist, uint64_t clock_cost_ps, double *ret_mean,
                     double *ret_deviation)
{
    double sum = 0;
    double squares = 0;
    double count = hist->count > 0 ? (double)hist->count : 1;
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        double ns = (double)net(hist, i, clock_cost_ps);
        sum += ns * (double)hist->bins[i].count;
    }
    *ret_mean = sum / count;
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        double off = (double)net(hist, i, clock_cost_ps) - *ret_mean;
        squares += off * off * (double)hist->bins[i].count;
    }
    *ret_deviation = sqrt(squares / count);
}
