/*
 * The fits of scaling.h: a line through logarithms, and y = a + b f(n) with relative errors.
 */
#include <math.h>

#include "insight/scaling.h"

/* A model that is more complicated must be better by this much: as a share, and more than counts,
 * which repeat, or times, which do not, differ from run to run. */
#define BETTER_SHARE 0.8
#define NOISE_OF_COUNTS 0.01
#define NOISE_OF_TIMES 0.15

static double shape_at(enum scaling_class class, double n)
{
    switch (class) {
    case SCALING_LOG:
        return log2(n + 1);
    case SCALING_LINEAR:
        return n;
    case SCALING_N_LOG_N:
        return n * log2(n + 1);
    case SCALING_QUADRATIC:
        return n * n;
    case SCALING_CUBIC:
        return n * n * n;
    default:
        return 0;
    }
}

double scaling_at(const struct scaling_fit *fit, double n)
{
    return fit->constant + fit->factor * shape_at(fit->class, n);
}

static double weight_of(double y)
{
    return 1 / (y > 1 ? y : 1);
}

static double error_of(const struct scaling_fit *fit, const double *n, const double *y,
                       size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double off = (scaling_at(fit, n[i]) - y[i]) * weight_of(y[i]);
        sum += off * off;
    }
    return sqrt(sum / (double)count);
}

/* Least squares of relative errors; where one of the two would be negative, without it. */
static struct scaling_fit fit_model(enum scaling_class class, const double *n, const double *y,
                                    size_t count)
{
    double ww = 0;
    double wf = 0;
    double ff = 0;
    double wy = 0;
    double fy = 0;
    for (size_t i = 0; i < count; i++) {
        double w = weight_of(y[i]);
        double f = shape_at(class, n[i]) * w;
        ww += w * w;
        wf += w * f;
        ff += f * f;
        wy += w * (y[i] * w);
        fy += f * (y[i] * w);
    }
    struct scaling_fit fit = {.class = class};
    double determinant = ww * ff - wf * wf;
    if (ff > 0 && determinant > ww * ff * 1e-12) {
        fit.constant = (wy * ff - fy * wf) / determinant;
        fit.factor = (fy * ww - wy * wf) / determinant;
    }
    if (ff <= 0 || fit.factor < 0) {
        fit.constant = wy / ww;
        fit.factor = 0;
    } else if (fit.constant < 0 || fit.factor == 0) {
        fit.constant = 0;
        fit.factor = fy / ff;
    }
    fit.error = error_of(&fit, n, y, count);
    return fit;
}

static void fit_power(struct scaling_fit *fit, const double *n, const double *y, size_t count)
{
    double k = 0;
    double x = 0;
    double z = 0;
    double xx = 0;
    double xz = 0;
    double zz = 0;
    for (size_t i = 0; i < count; i++) {
        if (y[i] > 0) {
            double log_n = log(n[i]);
            double log_y = log(y[i]);
            k += 1;
            x += log_n;
            z += log_y;
            xx += log_n * log_n;
            xz += log_n * log_y;
            zz += log_y * log_y;
        }
    }
    double spread = k * xx - x * x;
    double rise = k * zz - z * z;
    double both = k * xz - x * z;
    if (k < 2 || spread <= 0) {
        return;
    }
    fit->exponent = both / spread;
    fit->r2 = rise > 1e-12 ? both * both / (spread * rise) : 1;
}

/* A law that grows fast must be seen to do so where it is steepest, between the last two sizes:
 * else it only bends after an error at the far end. */
static bool is_steep_enough(enum scaling_class class, const double *n, const double *y,
                            size_t count)
{
    static const double least[SCALING_CLASSES] = {[SCALING_LINEAR] = 0.05,
                                                  [SCALING_N_LOG_N] = 0.7,
                                                  [SCALING_QUADRATIC] = 1.3,
                                                  [SCALING_CUBIC] = 2.2};
    double before = y[count - 2] > 1 ? y[count - 2] : 1;
    double last = y[count - 1] > 1 ? y[count - 1] : 1;
    return log(last / before) / log(n[count - 1] / n[count - 2]) >= least[class];
}

struct scaling_fit scaling_fit(const double *n, const double *y, size_t count, double predict_size,
                               enum scaling_metric metric)
{
    double noise = metric == SCALING_TIME ? NOISE_OF_TIMES : NOISE_OF_COUNTS;
    struct scaling_fit best = {.class = SCALING_NOTHING};
    size_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        seen += y[i] > 0;
    }
    if (seen == 0) {
        best.r2 = 1;
        return best;
    }
    best = fit_model(SCALING_CONSTANT, n, y, count);
    for (unsigned class = SCALING_LOG; class <= SCALING_CUBIC; class ++) {
        struct scaling_fit fit = fit_model((enum scaling_class) class, n, y, count);
        if (fit.error < best.error * BETTER_SHARE && fit.error < best.error - noise &&
            is_steep_enough(fit.class, n, y, count)) {
            best = fit;
        }
    }
    best.predicted = scaling_at(&best, predict_size);
    if (best.error > SCALING_ERROR_MAX || seen < SCALING_SIZES_MIN) {
        best.class = SCALING_UNCLEAR;
    }
    fit_power(&best, n, y, count);
    return best;
}
